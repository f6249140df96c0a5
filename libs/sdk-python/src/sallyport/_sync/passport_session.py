# Generated from _async/passport_session.py by scripts/generate_sync.py; edit there.
"""A passport that renews itself shortly before it ends, for as long as its mission lives (api.md §20)."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional

from .. import _jws as jws
from .._calls import creating, without_none
from .._concurrency import Lock
from .client import HttpClient


class PassportSession:
    def __init__(self, client: HttpClient, issued: Mapping[str, Any], issue_input: Mapping[str, Any]) -> None:
        self._client = client
        self._token: str = issued["token"]
        self._expires_at = _expiry(self._token)
        self._ttl_seconds: Optional[int] = issue_input.get("ttl_seconds")
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"PassportSession(expires_at_seconds={self._expires_at})"

    def get_token(self, grace_seconds: int = 60) -> str:
        """The token, refreshed first if less than `grace_seconds` of it are left. Raises what the refresh raises:
        MissionEndedError once the mission is over."""
        with self._lock:
            if self._expires_at - time.time() <= grace_seconds:
                body = without_none(token=self._token, ttl_seconds=self._ttl_seconds)
                refreshed = self._client.send(creating("/v1/passports/refresh", body))
                self._token = refreshed["token"]
                self._expires_at = _expiry(self._token)
            return self._token

    @property
    def token(self) -> str:
        """The current token, as it is."""
        return self._token

    @property
    def expires_at_seconds(self) -> int:
        return self._expires_at


def _expiry(token: str) -> int:
    expires = jws.parts(token).claims.get("exp")
    if not isinstance(expires, int):
        raise ValueError("the token has no expiry")
    return expires
