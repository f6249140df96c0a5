"""Proxied calls: the server adds the credential, the agent never sees it (api.md §8)."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, Mapping, Optional, Union

from .. import _jws as jws
from .._agent_key import AgentKey, load_agent_key
from .._calls import PROXY_EXTRA_SECONDS, Call, read, without_none
from .._client_files import is_safe_id
from .._concurrency import async_settled
from ..answers import Answer, ProxyOperation
from ..errors import StackError
from ..operation_ids import create_authority_request_id, operation_headers
from ..proxy_response import ProxyResponse
from .auth import AsyncAgentAuth, AsyncKeyAuth
from .client import AsyncAuth, AsyncHttpClient

OnOperationId = Callable[[str], Union[None, Awaitable[None]]]


class AsyncProxyService:
    def __init__(self, client: AsyncHttpClient) -> None:
        self._client = client
        self._keys: Dict[str, AgentKey] = {}

    async def request(
        self,
        service: str,
        url: str,
        method: str = "GET",
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: Any = None,
        query: Optional[Mapping[str, Any]] = None,
        passport_token: Optional[str] = None,
        approval_id: Optional[str] = None,
        authority_request_id: Optional[str] = None,
        on_operation_id: Optional[OnOperationId] = None,
        body_base64: Optional[str] = None,
        content_type: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> ProxyResponse:
        """One call to `url` with the credential of `service`. The upstream's answer of any status is returned; only
        Sallyport's own refusals raise, with `operation_id` on the exception. Every call but GET is an operation:
        its id is made here unless given, and told to `on_operation_id` before anything is sent."""
        operation_id = authority_request_id
        if operation_id is None and method.upper() != "GET":
            operation_id = create_authority_request_id()
        call = Call(
            "POST",
            "/v1/proxy",
            body=without_none(
                service=service,
                url=url,
                method=method,
                headers=headers or None,
                query=query or None,
                body=body,
                body_base64=body_base64,
                content_type=content_type,
            ),
            headers={
                **without_none(**{"X-Passport-Token": passport_token, "X-Intent-Approval-Id": approval_id}),
                **operation_headers(operation_id),
            },
            repeat="unsent" if method.upper() == "GET" else "never",
            timeout_seconds=self._client.timeout + PROXY_EXTRA_SECONDS if timeout is None else timeout,
        )
        if operation_id is not None and on_operation_id is not None:
            await async_settled(on_operation_id(operation_id))
        failure: Optional[StackError] = None
        try:
            answer = await self._client.send(call, self._possessor(passport_token))
        except StackError as error:
            failure = error
        if failure is not None:
            failure.operation_id = operation_id
            raise failure
        return ProxyResponse(
            answer["status"],
            answer.get("headers") or {},
            answer.get("body"),
            operation_id,
            body_kind=answer.get("body_kind"),
            entry_id=answer.get("entry_id"),
        )

    async def get(self, service: str, url: str, **kwargs: Any) -> ProxyResponse:
        return await self.request(service, url, "GET", **kwargs)

    async def post(self, service: str, url: str, **kwargs: Any) -> ProxyResponse:
        return await self.request(service, url, "POST", **kwargs)

    async def put(self, service: str, url: str, **kwargs: Any) -> ProxyResponse:
        return await self.request(service, url, "PUT", **kwargs)

    async def patch(self, service: str, url: str, **kwargs: Any) -> ProxyResponse:
        return await self.request(service, url, "PATCH", **kwargs)

    async def delete(self, service: str, url: str, **kwargs: Any) -> ProxyResponse:
        return await self.request(service, url, "DELETE", **kwargs)

    async def get_operation(
        self, operation_id: str, *, passport_token: str, include_response: bool = False
    ) -> ProxyOperation:
        """What became of an operation, by a live passport of the same mission (api.md §8.8)."""
        operation_headers(operation_id)
        call = Call(
            "POST",
            "/v1/proxy/operations/get",
            body={"operation_id": operation_id, "include_response": include_response},
            headers={"X-Passport-Token": passport_token},
        )
        return ProxyOperation(await self._client.send(call, self._possessor(passport_token)))

    async def usage(self) -> Answer:
        return Answer(await self._client.send(read("/v1/proxy/usage")))

    def _possessor(self, passport_token: Optional[str]) -> Optional[AsyncAuth]:
        """The agent's key, for a passport bound to one (api.md §3.4) and a client that is not that agent's own.
        None: the client's own bearer. The claims are unverified: they only choose among the user's own files, and
        a key is used only if its thumbprint is the one that the passport names."""
        claims = jws.unverified_claims(passport_token or "")
        bound, agent_id = claims.get("cnf"), claims.get("sub")
        wanted = bound.get("jkt") if isinstance(bound, dict) else None
        if not isinstance(wanted, str) or not isinstance(agent_id, str) or not is_safe_id(agent_id):
            return None
        own = self._client.auth
        if isinstance(own, AsyncAgentAuth) and own.agent_id == agent_id:
            return None
        key = self._keys.get(agent_id)
        if key is None or key.kid != wanted:
            key = load_agent_key(agent_id, self._client.base_url)
        if key is None or key.kid != wanted:
            return None
        self._keys[agent_id] = key
        return AsyncKeyAuth(key)
