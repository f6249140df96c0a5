"""The HTTP client under all services: one exchange with the server, its repeats, and the map from refusals to errors.

No exception that leaves here holds the request: httpx's own errors do, with its headers, so they are not chained.
"""

from __future__ import annotations

import random
from typing import Any, Optional, Protocol, Union

import httpx

from .. import _event_positions as event_positions
from .._calls import Call, encoded_body, may_repeat, pause_seconds, timeouts
from .._concurrency import async_sleep
from ..errors import StackConnectionError, StackError, StackTimeoutError, error_from_response


class AsyncAuth(Protocol):
    """Who calls. `bearer` is asked for each attempt; `renew` says whether a refused call is worth one more try."""

    async def bearer(self, client: AsyncHttpClient) -> Optional[str]: ...

    async def renew(self, refusal: StackError) -> bool: ...


class AsyncHttpClient:
    def __init__(
        self,
        auth: AsyncAuth,
        base_url: str,
        timeout: float = 30.0,
        max_retries: int = 2,
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        self.auth = auth
        self.base_url = base_url
        self.timeout = timeout
        self.max_retries = max_retries
        self._owns_http = http_client is None
        self._http = http_client if http_client is not None else httpx.AsyncClient()

    async def send(self, call: Call, auth: Optional[AsyncAuth] = None) -> Any:
        """The JSON of a 2xx answer (None for 204). Raises a StackError for every other outcome."""
        response = await self.exchange(call, auth)
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError):
            pass
        raise StackError("The server's answer is not JSON", "INVALID_RESPONSE", response.status_code)

    async def exchange(self, call: Call, auth: Optional[AsyncAuth] = None) -> httpx.Response:
        """The 2xx response, after as many repeats as the call allows. Each attempt is signed anew."""
        caller = self.auth if auth is None else auth
        attempt, renewed = 0, False
        while True:
            outcome = await self._attempt(call, caller)
            if isinstance(outcome, httpx.Response):
                return outcome
            if outcome.status_code == 401 and not renewed and await caller.renew(outcome):
                renewed = True
                continue
            if attempt >= self.max_retries or not may_repeat(call, outcome):
                raise outcome
            await async_sleep(pause_seconds(attempt, outcome, random.random()))
            attempt += 1

    async def close(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    async def _attempt(self, call: Call, caller: AsyncAuth) -> Union[httpx.Response, StackError]:
        content = encoded_body(call)
        headers = {"Accept": "application/json", **call.headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        bearer = await caller.bearer(self)
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        position = event_positions.highest(self.base_url) if call.method == "GET" else None
        if position is not None:
            headers["X-Min-Event-Seq"] = str(position)
        try:
            response = await self._http.request(
                call.method,
                call.path if call.path.startswith("http") else self.base_url + call.path,
                content=content,
                data=dict(call.form) if call.form is not None else None,
                params=dict(call.params) if call.params is not None else None,
                headers=headers,
                timeout=timeouts(call, self.timeout),
                follow_redirects=False,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return StackConnectionError(f"No connection to {self.base_url}", unsent=True)
        except httpx.TimeoutException:
            return StackTimeoutError()
        except httpx.HTTPError as error:
            return StackConnectionError(f"The connection to {self.base_url} failed ({type(error).__name__})")
        event_positions.seen(self.base_url, response.headers.get("x-event-seq"))
        if response.is_success:
            return response
        return error_from_response(response.status_code, response.headers, response.content)
