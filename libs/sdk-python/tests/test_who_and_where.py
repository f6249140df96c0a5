"""Base URL, credentials and client files (api.md §3.5)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from sallyport import Stack, StackConfigError, UnauthorizedError

from . import vectors
from .fake_server import FakeServer, refusal


def write_credentials(home: Path, mode: int = 0o600, **fields: Any) -> Path:
    path = home / ".stack" / "credentials.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields))
    path.chmod(mode)
    return path


def test_an_explicit_key_wins_over_the_environment(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_API_KEY", "sk_live_op_environment")
    Stack("sk_live_op_explicit", base_url=server.base_url).agents.list()
    Stack(base_url=server.base_url).agents.list()
    assert [call.bearer for call in server.received] == ["sk_live_op_explicit", "sk_live_op_environment"]


def test_the_environment_wins_over_the_credentials_file(
    server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_credentials(home, api_key="sk_live_op_file", base_url=server.base_url)
    Stack().agents.list()
    monkeypatch.setenv("STACK_API_KEY", "sk_live_op_environment")
    Stack().agents.list()
    assert [call.bearer for call in server.received] == ["sk_live_op_file", "sk_live_op_environment"]


def test_the_base_url_comes_from_argument_then_environment_then_file(
    server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_credentials(home, api_key="k", base_url="http://127.0.0.1:1/")
    key = "sk_live_op_x"
    assert "127.0.0.1:1'" in repr(Stack(key))
    monkeypatch.setenv("SALLYPORT_BASE_URL", "http://127.0.0.1:2")
    assert "127.0.0.1:2'" in repr(Stack(key))
    monkeypatch.setenv("STACK_BASE_URL", "http://127.0.0.1:3")
    assert "127.0.0.1:3'" in repr(Stack(key))
    assert "127.0.0.1:4'" in repr(Stack(key, base_url="http://127.0.0.1:4"))


def test_the_base_url_is_the_local_server_by_default(home: Path) -> None:
    assert "http://127.0.0.1:8787" in repr(Stack("k"))


@pytest.mark.parametrize("address", ["ftp://host", "host:8787", "http://", "http://u:p@host", "http://host?x=1", "http://[::1"])
def test_an_address_that_is_not_a_server_is_refused(home: Path, address: str) -> None:
    with pytest.raises(StackConfigError):
        Stack("k", base_url=address)


def test_without_any_credential_the_client_is_not_made(home: Path) -> None:
    with pytest.raises(StackConfigError) as refused:
        Stack()
    assert isinstance(refused.value, ValueError)


def test_the_refresh_token_is_exchanged_and_its_successor_kept_with_unknown_keys(server: FakeServer, home: Path) -> None:
    path = write_credentials(
        home, client_id="sallyport-cli", refresh_token="rt_first", base_url=server.base_url, theirs={"x": 1}
    )
    stack = Stack()
    stack.agents.list()
    stack.agents.list()
    exchanges = server.calls("POST", "/oauth/token")
    assert [exchange.body for exchange in exchanges] == [
        {"grant_type": "refresh_token", "refresh_token": "rt_first", "client_id": "sallyport-cli"}
    ]
    assert "authorization" not in exchanges[0].headers
    assert {call.bearer for call in server.calls("GET", "/v1/agents")} == {"access-1"}
    stored = json.loads(path.read_text())
    assert stored["refresh_token"] == "rt_1" and stored["theirs"] == {"x": 1}
    assert stored["refresh_expires_at"] > stored["issued_at"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(os.listdir(path.parent)) == ["credentials.json"]


def test_an_access_token_that_the_server_calls_expired_is_renewed_once(server: FakeServer) -> None:
    expired = refusal("UNAUTHORIZED", status=401, reason="expired")
    server.script("GET", "/v1/agents", expired, expired)
    stack = Stack.from_oauth("cl_1", "", "opaque", "rt_0", base_url=server.base_url)
    with pytest.raises(UnauthorizedError):
        stack.agents.list()
    assert [call.bearer for call in server.calls("GET", "/v1/agents")] == ["opaque", "access-1"]


def test_a_sign_in_that_has_ended_is_said_so(server: FakeServer) -> None:
    server.script("POST", "/oauth/token", (400, {"error": "invalid_grant"}, {}))
    write_credentials(Path.home(), client_id="c", refresh_token="rt_secret", base_url=server.base_url)
    with pytest.raises(UnauthorizedError, match="sign in again") as refused:
        Stack().agents.list()
    assert "rt_secret" not in repr(refused.value) and refused.value.__context__ is None


def test_a_session_token_is_sent_as_it_is(server: FakeServer) -> None:
    Stack.from_session("eyJsession", base_url=server.base_url).agents.list()
    assert server.received[0].bearer == "eyJsession"


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_a_credentials_file_that_others_may_read_is_refused(server: FakeServer, home: Path) -> None:
    write_credentials(home, mode=0o640, api_key="k", base_url=server.base_url)
    with pytest.raises(StackConfigError, match="other users"):
        Stack(base_url=server.base_url)
    assert server.received == []


def test_a_credential_of_another_server_goes_nowhere(server: FakeServer, home: Path) -> None:
    write_credentials(home, api_key="k", base_url="https://other.example")
    with pytest.raises(StackConfigError, match="other.example"):
        Stack(base_url=server.base_url)
    assert server.received == []


def test_nothing_secret_shows(server: FakeServer) -> None:
    stack = Stack(vectors.API_KEY, base_url=server.base_url)
    passport = stack.passports.issue(vectors.AGENT_ID, mission_ids=[vectors.MISSION_ID])
    shown = f"{stack!r} {stack.__dict__!r} {vars(stack._client)!r} {passport!r} {passport}"
    assert vectors.API_KEY not in shown and passport.token not in shown
    assert passport.jti in shown
