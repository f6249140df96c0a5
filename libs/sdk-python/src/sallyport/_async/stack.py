"""The client: who calls and where, and the services on it (api.md §20)."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

import httpx

from .._calls import creating, without_none
from .._passport_bodies import one_mission
from .._settings import read_credentials, resolve_base_url
from ..errors import StackConfigError
from .agents import AsyncAgentService
from .audit import AsyncAuditService
from .auth import AsyncAgentAuth, AsyncCredentialsFileAuth, AsyncOAuth, AsyncStaticAuth
from .client import AsyncAuth, AsyncHttpClient
from .missions import AsyncMissionsService
from .passport_session import AsyncPassportSession
from .passports import AsyncPassportService
from .proxy import AsyncProxyService
from .security_events import AsyncSecurityEventService
from .services import AsyncServiceService


class AsyncStack:
    """With `agent_id` every request carries a fresh assertion of that agent's key, and the first one enrols a key if
    there is none; `api_key` (or what stands in its place) then serves the enrolment alone. Without `agent_id` the
    caller is `api_key`, STACK_API_KEY or the credentials file. StackConfigError if there is no credential.

    `base_url`: by default STACK_BASE_URL, SALLYPORT_BASE_URL, the credentials file, http://127.0.0.1:8787.
    `timeout` in seconds is that of control calls; proxied calls have 15 s more. A given `http_client` is used as
    it is and stays the caller's to close."""

    def __init__(
        self,
        api_key: Optional[str] = None,
        *,
        agent_id: Optional[str] = None,
        base_url: Optional[str] = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        http_client: Optional[httpx.AsyncClient] = None,
        _auth: Optional[AsyncAuth] = None,
    ) -> None:
        address = resolve_base_url(base_url)
        auth: AsyncAuth
        if _auth is not None:
            auth = _auth
        elif agent_id is not None:
            auth = AsyncAgentAuth(agent_id, lambda: static_auth(api_key, address))
        else:
            auth = static_auth(api_key, address)
        self._client = AsyncHttpClient(auth, address, timeout, max_retries, http_client)
        self.agents = AsyncAgentService(self._client)
        self.passports = AsyncPassportService(self._client)
        self.missions = AsyncMissionsService(self._client)
        self.proxy = AsyncProxyService(self._client)
        self.services = AsyncServiceService(self._client)
        self.security_events = AsyncSecurityEventService(self._client)
        self.audit = AsyncAuditService(self._client)

    def __repr__(self) -> str:
        return f"AsyncStack(base_url={self._client.base_url!r})"

    @classmethod
    def from_session(cls, session_token: str, **kwargs: Any) -> AsyncStack:
        """As the member who signed in with this session."""
        return cls(_auth=AsyncStaticAuth(session_token), **kwargs)

    @classmethod
    def from_oauth(
        cls,
        client_id: str,
        client_secret: str,
        access_token: str,
        refresh_token: str,
        token_endpoint: Optional[str] = None,
        **kwargs: Any,
    ) -> AsyncStack:
        """As the member who granted these tokens. `token_endpoint`: by default that of the base URL."""
        auth = AsyncOAuth(client_id, client_secret, access_token, refresh_token, token_endpoint)
        return cls(_auth=auth, **kwargs)

    async def issue_passport(
        self,
        *,
        agent_id: str,
        services: Optional[List[Any]] = None,
        intents: Optional[List[Dict[str, Any]]] = None,
        ttl_seconds: Optional[int] = None,
        accountability_mode: Optional[str] = None,
        authority_binding_ids: Optional[List[str]] = None,
        mission_ids: Optional[List[str]] = None,
        **kwargs: Any,
    ) -> AsyncPassportSession:
        """A passport that renews itself. ValueError unless `mission_ids` holds exactly one id."""
        body = without_none(
            **kwargs,
            agent_id=agent_id,
            mission_ids=one_mission(mission_ids),
            services=services,
            intents=intents,
            ttl_seconds=ttl_seconds,
            accountability_mode=accountability_mode,
            authority_binding_ids=authority_binding_ids,
        )
        issued = await self._client.send(creating("/v1/passports/issue", body))
        return AsyncPassportSession(self._client, issued, body)

    async def close(self) -> None:
        await self._client.close()

    async def __aenter__(self) -> AsyncStack:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


def static_auth(api_key: Optional[str], base_url: str) -> AsyncAuth:
    """The caller without agent mode: argument, STACK_API_KEY, credentials file (api.md §3.5)."""
    key = api_key or os.environ.get("STACK_API_KEY")
    if key:
        return AsyncStaticAuth(key)
    stored = read_credentials(base_url)
    if stored is not None and stored.get("refresh_token"):
        return AsyncCredentialsFileAuth()
    if stored is not None and isinstance(stored.get("api_key"), str):
        return AsyncStaticAuth(stored["api_key"])
    raise StackConfigError("No credentials: pass api_key=, set STACK_API_KEY, or sign in with the command line")
