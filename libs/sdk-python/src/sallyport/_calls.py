"""One request to the server as a value, and what follows from it: headers, timeouts, whether it may be repeated.

Pure: no I/O, no clock. The clients in `_async` and `_sync` drive it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote

import httpx

from .errors import StackConnectionError, StackError

CONNECT_SECONDS = 5.0
PROXY_EXTRA_SECONDS = 15.0
"""A proxied call may take the server's 30 s upstream; with the default timeout that makes 45 s."""
MAX_RETRY_AFTER_SECONDS = 30.0
_REPEATABLE_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Call:
    """`repeat`: `never`; `safe` (a read, or a creating POST under an idempotency key); `unsent` (a proxied GET:
    only when nothing can have gone upstream)."""

    method: str
    path: str
    body: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    params: Optional[Mapping[str, Any]] = None
    form: Optional[Mapping[str, str]] = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeat: str = "never"
    timeout_seconds: Optional[float] = None


def read(path: str, params: Optional[Mapping[str, Any]] = None) -> Call:
    present = {key: value for key, value in (params or {}).items() if value is not None}
    return Call("GET", path, params=present or None, repeat="safe")


def write(method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Call:
    return Call(method, path, body=body)


def creating(path: str, body: Optional[Mapping[str, Any]] = None) -> Call:
    """A POST that creates: one key for all its attempts makes a repeat the same request (api.md §1.5)."""
    return Call("POST", path, body=body, headers={"Idempotency-Key": secrets.token_urlsafe(24)}, repeat="safe")


def segment(value: str) -> str:
    """One path segment. Never empty and never a dot segment, which would name another endpoint."""
    if not value or value in (".", ".."):
        raise ValueError("an id must not be empty")
    return quote(value, safe="")


def without_none(**fields: Any) -> Dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def encoded_body(call: Call) -> Optional[bytes]:
    """ValueError for NaN, infinities, lone surrogates and values that JSON does not have."""
    if call.body is None:
        return None
    try:
        text = json.dumps(call.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except TypeError as error:
        raise ValueError(str(error)) from None


def timeouts(call: Call, control_seconds: float) -> httpx.Timeout:
    total = control_seconds if call.timeout_seconds is None else call.timeout_seconds
    return httpx.Timeout(total, connect=min(CONNECT_SECONDS, total))


def may_repeat(call: Call, failure: StackError) -> bool:
    if call.repeat == "never":
        return False
    if failure.retry_after is not None and failure.retry_after > MAX_RETRY_AFTER_SECONDS:
        return False
    if call.repeat == "unsent":
        return failure.status_code == 503 or (isinstance(failure, StackConnectionError) and failure.unsent)
    return isinstance(failure, StackConnectionError) or failure.status_code in _REPEATABLE_STATUSES


def pause_seconds(attempt: int, failure: StackError, random: float) -> float:
    """Before repeat number `attempt` (from 0): full jitter under 0.25 s doubling to 4 s, or what the server asks."""
    if failure.retry_after is not None:
        return failure.retry_after
    return random * min(4.0, 0.25 * 2.0 ** min(attempt, 10))
