"""A passport that renews itself shortly before it ends, for as long as its mission lives (api.md §20)."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional

from .. import _jws as jws
from .._calls import creating, without_none
from .._concurrency import AsyncLock
from .client import AsyncHttpClient


class AsyncPassportSession:
    def __init__(self, client: AsyncHttpClient, issued: Mapping[str, Any], issue_input: Mapping[str, Any]) -> None:
        self._client = client
        self._token: str = issued["token"]
        self._expires_at = _expiry(self._token)
        self._ttl_seconds: Optional[int] = issue_input.get("ttl_seconds")
        self._lock = AsyncLock()

    def __repr__(self) -> str:
        return f"AsyncPassportSession(expires_at_seconds={self._expires_at})"

    async def get_token(self, grace_seconds: int = 60) -> str:
        """The token, refreshed first if less than `grace_seconds` of it are left. Raises what the refresh raises:
        MissionEndedError once the mission is over."""
        async with self._lock:
            if self._expires_at - time.time() <= grace_seconds:
                body = without_none(token=self._token, ttl_seconds=self._ttl_seconds)
                refreshed = await self._client.send(creating("/v1/passports/refresh", body))
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
