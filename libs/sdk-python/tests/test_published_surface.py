"""Names, parameters, order and defaults are those of the published client (api.md §20), for the services here."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

import getstack
import sallyport

PUBLISHED: Dict[str, Any] = json.loads((Path(__file__).parent / "published_surface.json").read_text("utf-8"))
METHODS = [(name, method) for name, body in PUBLISHED.items() if isinstance(body, dict) for method in body]
FUNCTIONS = [name for name, body in PUBLISHED.items() if isinstance(body, list)]

PUT_OFF = {("MissionsService", "download_operator_review"), ("MissionsService", "list_dossiers")}
"""Signed review claims are put off (api.md §24)."""
OTHER_DEFAULTS = {
    ("base_url", "DEFAULT_BASE_URL"),  # None: found as in api.md §3.5
    ("issuer", "DEFAULT_ISSUER"),  # None: the origin of the server
    ("audience", "DEFAULT_AUDIENCE"),
    ("token_endpoint", "'https://api.getstack.run/v1/oauth/token'"),  # None: that of the base URL
}
NOW_OPTIONAL = {("ServiceService", "connect", "oauth_token"), ("ServiceService", "connect", "scopes")}
"""A credential may take the token's place."""


def own(function: Any) -> List[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]


def compare(published: List[List[Any]], ours: List[inspect.Parameter], where: tuple[str, ...]) -> None:
    by_name = {parameter.name: parameter for parameter in ours}
    positional = [parameter.name for parameter in ours if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    wanted = [name for name, kind, _ in published if kind == "positional"]
    assert positional[: len(wanted)] == wanted
    for name, kind, default in published:
        assert name in by_name, f"{where} lacks {name}"
        found = by_name[name]
        if kind == "rest":
            assert found.kind is found.VAR_KEYWORD
        elif default is None:
            assert found.default is found.empty or (*where, name) in NOW_OPTIONAL
        elif (name, default) not in OTHER_DEFAULTS:
            assert found.default == json.loads(default.replace("'", '"').replace("None", "null").replace("False", "false"))
    extra = set(by_name) - {name for name, _, _ in published}
    for name in extra:
        assert by_name[name].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD) or (
            by_name[name].default is not inspect.Parameter.empty
        )


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_published_method_is_here(name: str, method: str) -> None:
    if (name, method) in PUT_OFF:
        assert not hasattr(getattr(sallyport, name), method)
        return
    target = inspect.getattr_static(getattr(sallyport, name), method)
    if isinstance(target, property):
        assert PUBLISHED[name][method] == []
        return
    published = PUBLISHED[name][method]
    if name.endswith("Service") and method == "__init__":
        published = published[:1]
    compare(published, own(getattr(getattr(sallyport, name), method)), (name, method))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_published_function_is_here(name: str) -> None:
    compare(PUBLISHED[name], own(getattr(sallyport, name)), (name,))


def test_the_import_name_getstack_is_the_same_objects() -> None:
    assert getstack.__all__ == sallyport.__all__
    assert all(getattr(getstack, name) is getattr(sallyport, name) for name in sallyport.__all__)


def test_the_modules_that_programs_import_from_are_there() -> None:
    from getstack.errors import MissionEndedError, StackError
    from getstack.passports import Mission, PassportService
    from getstack.proxy import ProxyResponse
    from getstack.types import Agent, ToolCall

    assert issubclass(MissionEndedError, StackError) and (Agent, Mission) == (sallyport.Agent, sallyport.Mission)
    assert (PassportService, ProxyResponse) == (sallyport.PassportService, sallyport.ProxyResponse)
    assert ToolCall("github", "GET").to_dict() == {"service": "github", "method": "GET"}


def test_every_public_name_exists() -> None:
    assert sallyport.__all__ == sorted(sallyport.__all__)
    assert all(hasattr(sallyport, name) for name in sallyport.__all__)
