"""What the server answers: mappings whose keys are attributes too, nested ones included (api.md §20).

An answer is a `dict`, so it goes into `json.dumps` and `dict(...)` as it is. A key that is also the name of a
dict method (`items`, `get`, `update`, …) is reached with brackets only. Keys that the published types make
optional read as `None` when the server leaves them out; any other missing key is an AttributeError.
`repr` shows `…` in place of every secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional, Type, TypeVar

_SECRET_KEYS = frozenset(
    "token access_token refresh_token session_token oauth_token api_key ticket credential credentials "
    "client_secret secret privateKey d parent_passport_token bootstrap_token signed_challenge login_url".split()
)


class Answer(Dict[str, Any]):
    """A JSON object of the server, readable by key and by attribute."""

    __slots__ = ()
    _optional: ClassVar[FrozenSet[str]] = frozenset()

    def __init__(self, fields: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        super().__init__({key: nested(value) for key, value in {**(fields or {}), **more}.items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            if name in self._optional:
                return None
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={'…' if key in _SECRET_KEYS and self[key] else repr(self[key])}" for key in self)
        return f"{type(self).__name__}({shown})"

    __str__ = __repr__


AnswerType = TypeVar("AnswerType", bound=Answer)


def nested(value: Any) -> Any:
    """The same JSON value with every object in it an Answer."""
    if isinstance(value, Answer):
        return value
    if isinstance(value, dict):
        return Answer(value)
    if isinstance(value, list):
        return [nested(item) for item in value]
    return value


def answer_list(kind: Type[AnswerType], value: Any) -> List[AnswerType]:
    return [kind(item) for item in value] if isinstance(value, list) else []


class Agent(Answer):
    """api.md §5.1."""

    __slots__ = ()
    _optional = frozenset({"description", "passport_blocked_reason", "passport_blocked_at", "icon_url"})
    id: str
    operator_id: str
    name: str
    description: Optional[str]
    status: str
    accountability_mode: str
    on_warning: str
    on_critical: str
    passport_blocked: bool
    passport_blocked_reason: Optional[str]
    passport_blocked_at: Optional[str]
    credential_access: str
    key_mode: str
    llm_inject_system_prompt: bool
    llm_redact_pii: bool
    created_at: str
    updated_at: str


class Passport(Answer):
    """An issued passport (api.md §6). `token` is a secret and does not show in `repr`."""

    __slots__ = ()
    _optional = frozenset({"accountability", "mission_id", "session_id", "agent_id", "checkpoint_interval_seconds"})
    token: str
    jti: str
    expires_at: str
    accountability: Optional[str]
    mission_id: Optional[str]
    session_id: Optional[str]
    agent_id: Optional[str]
    checkpoint_interval_seconds: Optional[int]


class CheckpointResult(Answer):
    __slots__ = ()
    _optional = frozenset({"new_expires_at", "flags", "token", "revoked"})
    checkpoint_id: str
    passport_jti: str
    new_expires_at: Optional[str]
    flags: Optional[List[str]]


class CheckoutResult(Answer):
    """`review_status` is `clean`, `flagged` or `blocked`."""

    __slots__ = ()
    _optional = frozenset({"flags"})
    checkout_id: str
    passport_jti: str
    review_status: str
    flags: Optional[List[ReviewFlag]]


class ReviewFlag(Answer):
    __slots__ = ()
    type: str
    severity: str
    message: str


class PassportReport(Answer):
    __slots__ = ()
    passport: Answer
    intent: Optional[Answer]
    checkpoints: List[Answer]
    checkout: Optional[Answer]
    review: Optional[Answer]


class Service(Answer):
    __slots__ = ()
    id: str
    provider: str
    name: str
    description: str
    available: bool


class ServiceConnection(Answer):
    """A connection (api.md §12). The server never puts its secret in here."""

    __slots__ = ()
    id: str
    provider: str
    status: str
    connected_at: str


class AuditEntry(Answer):
    """api.md §16.1."""

    __slots__ = ()
    _optional = frozenset({"agent_id"})
    entry_id: str
    action: str
    outcome: str
    timestamp: int
    agent_id: Optional[str]


class ProxyOperation(Answer):
    """State of one proxied operation (api.md §8.8)."""

    __slots__ = ()
    _optional = frozenset({"dispatched_at", "response_received_at", "provider_status", "response"})
    operation_id: str
    delivery_state: str
    replay_state: str
    accounting_state: str
    provider: str
    method: str
    created_at: str


class PassportStackClaims(Answer):
    """The `stk` claim (api.md §6.1)."""

    __slots__ = ()
    _optional = frozenset(
        {"parent_passport_id", "accountability", "intent_summary", "intent_services", "checkpoint_interval"}
    )
    operator_id: str
    agent_id: str
    agent_name: str
    services: List[Answer]
    identity_claims: List[Answer]
    delegation_depth: int
    session_id: str
    mission_ids: List[str]


class VerifiedPassportClaims(Answer):
    """Claims of a passport whose signature, purpose, issuer, audience and times were checked. Not its revocation."""

    __slots__ = ()
    _optional = frozenset({"nbf", "cnf"})
    sub: str
    jti: str
    iss: str
    aud: str
    exp: int
    iat: int
    stk: PassportStackClaims


@dataclass
class ToolCall:
    """One action that the agent logged in a mission; it goes into the next checkpoint."""

    service: str
    method: str
    target: Optional[str] = None

    def to_dict(self) -> Dict[str, str]:
        shown = {"service": self.service, "method": self.method}
        return {**shown, "target": self.target} if self.target else shown
