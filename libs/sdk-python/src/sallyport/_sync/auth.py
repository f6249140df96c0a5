# Generated from _async/auth.py by scripts/generate_sync.py; edit there.
"""The kinds of caller: a fixed bearer, OAuth tokens, the credentials file, an agent's key (api.md §3, §3.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from .. import _jws as jws
from .._agent_key import AgentKey, load_agent_key, new_agent_key, store_agent_key
from .._calls import Call, creating, segment, write
from .._client_files import LockFile, agent_key_path, credentials_path, write_private_json
from .._concurrency import Lock, sleep
from .._settings import read_credentials
from ..answers import Answer
from ..errors import StackConfigError, StackError, UnauthorizedError

if TYPE_CHECKING:
    from .client import Auth, HttpClient

EARLY_SECONDS = 30
LOCK_WAIT_SECONDS = 30.0


class Nobody:
    """For the token endpoint, which takes no bearer."""

    def bearer(self, client: HttpClient) -> Optional[str]:
        return None

    def renew(self, refusal: StackError) -> bool:
        return False


class StaticAuth:
    """An operator or member key, or a session token: sent as it is."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def bearer(self, client: HttpClient) -> Optional[str]:
        return self._secret

    def renew(self, refusal: StackError) -> bool:
        return False


class KeyAuth:
    """One agent's key: a new assertion for every attempt."""

    def __init__(self, key: AgentKey) -> None:
        self._key = key

    def bearer(self, client: HttpClient) -> Optional[str]:
        return self._key.assertion()

    def renew(self, refusal: StackError) -> bool:
        return False


class OAuth:
    """An access token, exchanged 30 s before it ends, or when the server calls it expired."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        access_token: Optional[str],
        refresh_token: str,
        token_endpoint: Optional[str] = None,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._access_token = access_token
        self._refresh_token = refresh_token
        self._token_endpoint = token_endpoint or "/oauth/token"
        self._expires_at = _expiry(access_token)
        self._lock = Lock()

    def bearer(self, client: HttpClient) -> Optional[str]:
        with self._lock:
            if self._access_token is None or time.time() > self._expires_at - EARLY_SECONDS:
                self._refresh(client)
            return self._access_token

    def renew(self, refusal: StackError) -> bool:
        if refusal.reason != "expired":
            return False
        self._access_token = None
        return True

    def _refresh(self, client: HttpClient) -> None:
        self._exchange(client, self._client_id, self._refresh_token)

    def _exchange(self, client: HttpClient, client_id: str, refresh_token: str) -> Dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client_id}
        if self._client_secret:
            form["client_secret"] = self._client_secret
        refusal: Optional[StackError] = None
        tokens: Any = None
        try:
            tokens = client.send(Call("POST", self._token_endpoint, form=form), Nobody())
        except StackError as error:
            refusal = error
        if refusal is not None and refusal.status_code not in (400, 401):
            raise refusal
        if refusal is not None or not isinstance(tokens, dict) or not isinstance(tokens.get("access_token"), str):
            raise UnauthorizedError("The sign-in has ended: sign in again")
        self._access_token = tokens["access_token"]
        self._expires_at = time.time() + float(tokens.get("expires_in") or 300)
        renewed = tokens.get("refresh_token")
        self._refresh_token = renewed if isinstance(renewed, str) and renewed else refresh_token
        return tokens


class CredentialsFileAuth(OAuth):
    """The refresh token of `~/.stack/credentials.json`. It is single-use, so the file is locked from reading it
    until its successor is on disk; a crash in between costs one sign-in, never a wrong file."""

    def __init__(self) -> None:
        super().__init__("", "", None, "")

    def _refresh(self, client: HttpClient) -> None:
        lock = LockFile(credentials_path())
        acquire(lock)
        try:
            stored = read_credentials(client.base_url) or {}
            client_id, refresh_token = stored.get("client_id"), stored.get("refresh_token")
            if not isinstance(client_id, str) or not isinstance(refresh_token, str):
                raise StackConfigError(f"{credentials_path()} holds no client_id and refresh_token: sign in again")
            tokens = self._exchange(client, client_id, refresh_token)
            now = int(time.time())
            life = int(tokens.get("refresh_expires_in") or 30 * 86_400)
            renewed = {"refresh_token": self._refresh_token, "issued_at": now, "refresh_expires_at": now + life}
            write_private_json(credentials_path(), {**stored, **renewed})
        finally:
            lock.release()


class AgentAuth:
    """Agent mode: the key of the agent's file; without a file the first request enrols one (api.md §5.2)."""

    def __init__(self, agent_id: str, enroller: Callable[[], Auth]) -> None:
        self.agent_id = agent_id
        self._enroller = enroller
        self._base_url = ""
        self._key: Optional[AgentKey] = None
        self._lock = Lock()

    def bearer(self, client: HttpClient) -> Optional[str]:
        with self._lock:
            if self._key is None:
                self._base_url = client.base_url
                self._key = load_agent_key(self.agent_id, client.base_url) or self._first_key(client)
            return self._key.assertion()

    def renew(self, refusal: StackError) -> bool:
        """Another process may have enrolled a new key: its file is then tried once."""
        if refusal.reason not in ("bad_signature", "not_enrolled"):
            return False
        with self._lock:
            stored = load_agent_key(self.agent_id, self._base_url)
            changed = stored is not None and (self._key is None or stored.kid != self._key.kid)
            self._key = stored if changed else self._key
            return changed

    def _first_key(self, client: HttpClient) -> AgentKey:
        key, _ = enroll(client, self.agent_id, self._enroller(), only_without_file=True)
        return key


def enroll(
    client: HttpClient, agent_id: str, caller: Auth, only_without_file: bool = False
) -> Tuple[AgentKey, Answer]:
    """A new key for the agent: challenge, proof, file. It replaces the key that the agent had, unless
    `only_without_file` is set and another process wrote a file in the meantime; the answer is then empty."""
    lock = LockFile(agent_key_path(agent_id))
    acquire(lock)
    try:
        stored = load_agent_key(agent_id, client.base_url) if only_without_file else None
        if stored is not None:
            return stored, Answer()
        path = f"/v1/agents/{segment(agent_id)}"
        challenge = client.send(creating(f"{path}/enrollment-challenge"), caller)
        key = new_agent_key(agent_id)
        body = key.enrolment_body(challenge["challenge_id"], challenge["challenge"])
        enrolled = Answer(client.send(write("POST", f"{path}/enroll", body), caller))
        store_agent_key(key, enrolled.get("enrolled_at"), client.base_url)
        return key, enrolled
    finally:
        lock.release()


def acquire(lock: LockFile) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not lock.try_acquire():
        if time.monotonic() > deadline:
            raise StackConfigError("Another process holds the lock of a file under ~/.stack")
        sleep(0.05)


def _expiry(access_token: Optional[str]) -> float:
    """Unix seconds; an opaque token is used until the server refuses it."""
    expires = jws.unverified_claims(access_token or "").get("exp")
    return float(expires) if isinstance(expires, (int, float)) else float("inf")
