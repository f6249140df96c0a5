"""Where the server is and who calls, from arguments, environment and the shared files (api.md §3.5)."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional
from urllib.parse import urlsplit

from ._client_files import credentials_path, read_private_json
from .errors import StackConfigError

DEFAULT_BASE_URL = "http://127.0.0.1:8787"


def resolve_base_url(explicit: Optional[str]) -> str:
    """The base URL without trailing slash: argument, STACK_BASE_URL, SALLYPORT_BASE_URL, credentials file, default."""
    for source in (explicit, os.environ.get("STACK_BASE_URL"), os.environ.get("SALLYPORT_BASE_URL")):
        if source:
            return checked_base_url(source)
    stored = (read_private_json(credentials_path()) or {}).get("base_url")
    return checked_base_url(stored) if isinstance(stored, str) and stored else DEFAULT_BASE_URL


def checked_base_url(value: str) -> str:
    trimmed = value.strip().rstrip("/")
    try:
        url = urlsplit(trimmed)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    if not valid or url.query or url.fragment or url.username is not None:
        raise StackConfigError("The base URL must be http(s)://host[:port] without user, query or fragment")
    return trimmed


def origin_of(address: str) -> str:
    """`scheme://host[:port]`, lower case, for comparing addresses and as a verifier's default issuer."""
    url = urlsplit(address)
    return f"{url.scheme.lower()}://{url.netloc.lower()}"


def refuse_other_server(stored: Mapping[str, Any], base_url: str, what: str) -> None:
    """A key or token that belongs to one server never goes to another one."""
    other = stored.get("base_url")
    if isinstance(other, str) and other and checked_base_url(other).lower() != base_url.lower():
        raise StackConfigError(f"{what} belongs to {other}, not to {base_url}")


def read_credentials(base_url: str) -> Optional[Dict[str, Any]]:
    """The credentials file, if there is one and it is meant for this server."""
    stored = read_private_json(credentials_path())
    if stored is not None:
        refuse_other_server(stored, base_url, str(credentials_path()))
    return stored
