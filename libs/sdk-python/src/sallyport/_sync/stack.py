# Generated from _async/stack.py by scripts/generate_sync.py; edit there.
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
from .agents import AgentService
from .audit import AuditService
from .auth import AgentAuth, CredentialsFileAuth, OAuth, StaticAuth
from .client import Auth, HttpClient
from .missions import MissionsService
from .passport_session import PassportSession
from .passports import PassportService
from .proxy import ProxyService
from .security_events import SecurityEventService
from .services import ServiceService


class Stack:
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
        http_client: Optional[httpx.Client] = None,
        _auth: Optional[Auth] = None,
    ) -> None:
        address = resolve_base_url(base_url)
        auth: Auth
        if _auth is not None:
            auth = _auth
        elif agent_id is not None:
            auth = AgentAuth(agent_id, lambda: static_auth(api_key, address))
        else:
            auth = static_auth(api_key, address)
        self._client = HttpClient(auth, address, timeout, max_retries, http_client)
        self.agents = AgentService(self._client)
        self.passports = PassportService(self._client)
        self.missions = MissionsService(self._client)
        self.proxy = ProxyService(self._client)
        self.services = ServiceService(self._client)
        self.security_events = SecurityEventService(self._client)
        self.audit = AuditService(self._client)

    def __repr__(self) -> str:
        return f"Stack(base_url={self._client.base_url!r})"

    @classmethod
    def from_session(cls, session_token: str, **kwargs: Any) -> Stack:
        """As the member who signed in with this session."""
        return cls(_auth=StaticAuth(session_token), **kwargs)

    @classmethod
    def from_oauth(
        cls,
        client_id: str,
        client_secret: str,
        access_token: str,
        refresh_token: str,
        token_endpoint: Optional[str] = None,
        **kwargs: Any,
    ) -> Stack:
        """As the member who granted these tokens. `token_endpoint`: by default that of the base URL."""
        auth = OAuth(client_id, client_secret, access_token, refresh_token, token_endpoint)
        return cls(_auth=auth, **kwargs)

    def issue_passport(
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
    ) -> PassportSession:
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
        issued = self._client.send(creating("/v1/passports/issue", body))
        return PassportSession(self._client, issued, body)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def static_auth(api_key: Optional[str], base_url: str) -> Auth:
    """The caller without agent mode: argument, STACK_API_KEY, credentials file (api.md §3.5)."""
    key = api_key or os.environ.get("STACK_API_KEY")
    if key:
        return StaticAuth(key)
    stored = read_credentials(base_url)
    if stored is not None and stored.get("refresh_token"):
        return CredentialsFileAuth()
    if stored is not None and isinstance(stored.get("api_key"), str):
        return StaticAuth(stored["api_key"])
    raise StackConfigError("No credentials: pass api_key=, set STACK_API_KEY, or sign in with the command line")
