# Generated from _async/mission.py by scripts/generate_sync.py; edit there.
"""One mission as its agent lives it: entered, worked through, checked out (api.md §7, §20).

While it lives, checkpoints go out beside the agent's own work and keep an enforced passport alive. Once the passport
is known to be revoked, `proxy` and `checkpoint` raise without asking the network. An object is entered once.
"""

from __future__ import annotations

import random
import re
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Type
from urllib.parse import urlsplit

from .. import _jws as jws
from .. import _revocations as revocations
from .._calls import pause_seconds, without_none
from .._concurrency import Background, Lock
from .._durations import Duration
from .._mission_record import MissionRecord
from .._passport_bodies import Rules, Scopes, intent_body, optional_seconds, scopes_with_rules
from ..answers import CheckoutResult, CheckpointResult, Passport
from ..errors import (
    MissionEndedError,
    NotFoundError,
    PassportExpiredError,
    PassportRevokedError,
    StackError,
    passport_revoked,
)
from ..proxy_response import ProxyResponse
from .proxy import ProxyService, OnOperationId

if TYPE_CHECKING:
    from .passports import PassportService

CHECKPOINT_AFTER = 0.7
DEFAULT_INTERVAL_SECONDS = 300
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]|\{\{")


class Mission:
    """`mission_id` names the mission, `passport` the current passport; both are None before entering, unless the
    mission was given. `result` and `review_status` are there after leaving, if the checkout could be made."""

    def __init__(
        self,
        service: PassportService,
        agent_id: str,
        intent: str,
        services: Sequence[str],
        will_delegate: bool = False,
        estimated_duration: Optional[Duration] = None,
        checkpoint_interval: Optional[Duration] = None,
        mission_id: Optional[str] = None,
        expires_in: Optional[Duration] = None,
        *,
        ttl_seconds: Optional[int] = None,
        scopes: Optional[Scopes] = None,
        constraints: Optional[Rules] = None,
        named_intents: Optional[Rules] = None,
        caps: Optional[Mapping[str, Any]] = None,
        auto_checkpoint: bool = True,
    ) -> None:
        self.agent_id = agent_id
        self.mission_id = mission_id
        self.passport: Optional[Passport] = None
        self.review_status: Optional[str] = None
        self.result: Optional[CheckoutResult] = None
        self.rotation_count = 0
        self._service = service
        self._proxy = service._proxy
        self._passport_fields = without_none(
            intent=intent_body(intent, services, will_delegate, estimated_duration),
            checkpoint_interval_seconds=optional_seconds(checkpoint_interval),
            ttl_seconds=ttl_seconds,
            scopes=scopes_with_rules(services, scopes, constraints, named_intents),
        )
        life = optional_seconds(expires_in) or optional_seconds(estimated_duration)
        self._mission_fields = {
            **without_none(intent_summary=intent, intent_services=list(services), expires_in_seconds=life),
            **(caps or {}),
        }
        self._auto_checkpoint = auto_checkpoint
        self._opens = mission_id is None
        self._ends = self._opens
        self._entered = self._left = False
        self._record = MissionRecord()
        self._background = Background()
        self._checkpoint_lock = Lock()
        self._interval: float = DEFAULT_INTERVAL_SECONDS
        self._alive_until = 0.0
        self._revoked = False
        self._revoked_reason: Optional[str] = None
        self._rotation_seconds: Optional[float] = None
        self._began = 0.0

    def __repr__(self) -> str:
        return f"Mission(mission_id={self.mission_id!r}, agent_id={self.agent_id!r}, revoked={self._revoked})"

    @property
    def token(self) -> Optional[str]:
        """The current passport token. Checkpoints replace it: read it when it is needed."""
        return self.passport.token if self.passport is not None else None

    @property
    def session_id(self) -> Optional[str]:
        return self._claim("session_id")

    @property
    def revoked(self) -> bool:
        """Whether this process knows that the passport is dead."""
        return self._revoked

    @property
    def should_rotate(self) -> bool:
        """In a continuous mission: whether it is time for the next passport."""
        return self._rotation_seconds is not None and time.monotonic() - self._began >= self._rotation_seconds

    def __enter__(self) -> Mission:
        if self._entered:
            raise RuntimeError("a mission object is entered once; make another one")
        self._entered = True
        if self.mission_id is None:
            body = {"agent_id": self.agent_id, "mission": self._mission_fields, "passport": self._passport_fields}
            started = self._service._start_mission(body)
            self.mission_id = started["mission_id"]
            self.passport = Passport(started["passport"])
        else:
            fields = {**self._passport_fields, "agent_id": self.agent_id, "mission_ids": [self.mission_id]}
            self.passport = self._service._issue(fields)
        self._began = time.monotonic()
        revocations.watch(self)
        self._plan_checkpoints(self.passport)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._rotation_seconds is not None and isinstance(error, GeneratorExit):
            error = None  # leaving the loop of a continuous mission is its ordinary end
        self._left = True
        revocations.unwatch(self)
        self._background.stop()
        if self.passport is not None:
            try:
                body = self._record.totals(failure_notes(error) if error is not None else "")
                self.result = self._service.checkout(self.passport.jti, **body)
                self.review_status = self.result.review_status
            except Exception:
                pass  # the mission's end below revokes what could not be checked out
        if self._ends and self.mission_id is not None:
            self._service._end_mission(self.mission_id, error)

    def proxy(
        self,
        service: str,
        url: str,
        method: str = "GET",
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: Any = None,
        query: Optional[Mapping[str, Any]] = None,
        approval_id: Optional[str] = None,
        authority_request_id: Optional[str] = None,
        on_operation_id: Optional[OnOperationId] = None,
        _proxy_service: Optional[ProxyService] = None,
        body_base64: Optional[str] = None,
        content_type: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> ProxyResponse:
        """One proxied call with this mission's passport, logged for the next checkpoint. ValueError unless `url` is
        absolute. See `ProxyService.request` for what is returned and raised."""
        if _ABSOLUTE.match(url) is None:
            raise ValueError("url must be absolute, such as https://api.github.com/repos/acme/sandbox")
        self._require_live()
        try:
            response = (_proxy_service or self._proxy).request(
                service,
                url,
                method,
                headers=headers,
                body=body,
                query=query,
                passport_token=self.token,
                approval_id=approval_id,
                authority_request_id=authority_request_id,
                on_operation_id=on_operation_id,
                body_base64=body_base64,
                content_type=content_type,
                timeout=timeout,
            )
        except PassportRevokedError as error:
            self.mark_revoked(error.reason)
            raise
        self.log(service, method, _without_query(url))
        return response

    def log(self, service: str, method: str, target: Optional[str] = None) -> None:
        """Notes one action of the agent for the next checkpoint and the checkout."""
        self._record.log(service, method, target)

    def delegate(self, child_agent_id: str) -> None:
        """Notes that work was handed to another agent."""
        self._record.delegate(child_agent_id)

    def checkpoint(self, summary: str = "") -> CheckpointResult:
        """Sends a checkpoint now. The passport's token is replaced by the one that comes back."""
        passport = self._require_live()
        with self._checkpoint_lock:
            body, mark = self._record.since_last(summary)
            try:
                result = self._service.checkpoint(passport.jti, **body)
            except PassportRevokedError as error:
                self.mark_revoked(error.reason)
                raise
            self._record.confirm(mark)
            self._alive_until = time.monotonic() + self._interval
            if isinstance(result.get("token"), str):
                expires_at = result.new_expires_at or passport.expires_at
                self.passport = Passport({**passport, "token": result["token"], "expires_at": expires_at})
            if result.get("revoked"):
                self.mark_revoked(next(iter(result.flags or []), None))
            return result

    def holds(self, base_url: str, target: Mapping[str, str]) -> bool:
        """Whether a revocation of `target` at that server is one of this mission's passport."""
        if self.passport is None or base_url != self._service._client.base_url:
            return False
        own: Dict[str, Optional[str]] = {
            "jti": self.passport.jti,
            "agent_id": self.agent_id,
            "mission_id": self.mission_id,
            "session_id": self.session_id,
            "operator_id": self._claim("operator_id"),
        }
        return all(own.get(key) == value for key, value in target.items())

    def mark_revoked(self, reason: Optional[str]) -> None:
        if not self._revoked:
            self._revoked_reason = reason
            self._revoked = True

    def _rotates(self, turn: int, every_seconds: float) -> None:
        """One turn of a continuous mission, which ends the mission itself."""
        self.rotation_count = turn
        self._rotation_seconds = every_seconds
        self._ends = False

    def _require_live(self) -> Passport:
        if self.passport is None or self._left:
            raise RuntimeError("this works inside the mission's with block only")
        if self._revoked:
            raise passport_revoked(self.passport.jti, self._revoked_reason)
        return self.passport

    def _claim(self, name: str) -> Optional[str]:
        stack = jws.unverified_claims(self.token or "").get("stk")
        value = stack.get(name) if isinstance(stack, dict) else None
        return value if isinstance(value, str) else None

    def _plan_checkpoints(self, passport: Passport) -> None:
        """Enforced passports always (they die without), logged ones if an interval was asked for."""
        declared = self._passport_fields.get("checkpoint_interval_seconds")
        stack = jws.unverified_claims(passport.token).get("stk")
        claims = stack if isinstance(stack, dict) else {}
        mode = passport.accountability or claims.get("accountability")
        for interval in (passport.checkpoint_interval_seconds, claims.get("checkpoint_interval"), declared):
            if isinstance(interval, (int, float)) and interval > 0:
                self._interval = interval
                break
        self._alive_until = self._began + self._interval
        if self._auto_checkpoint and (mode == "enforced" or (mode == "logged" and declared is not None)):
            self._background.start(self._keep_alive)

    def _keep_alive(self) -> None:
        """Checkpoints at 70 % of the interval. A failed one is tried again until the passport has run out."""
        pause, attempt = CHECKPOINT_AFTER * self._interval, 0
        while self._background.wait(pause) and not self._revoked:
            try:
                self.checkpoint()
                pause, attempt = CHECKPOINT_AFTER * self._interval, 0
            except (PassportRevokedError, PassportExpiredError, MissionEndedError, NotFoundError):
                return
            except StackError as failure:
                if time.monotonic() > self._alive_until:
                    return
                pause, attempt = pause_seconds(attempt, failure, random.random()), attempt + 1
            except Exception:
                return  # the client was closed; the agent's next call says so itself


def failure_notes(error: BaseException) -> str:
    return f"Mission failed: {type(error).__name__}: {error}"[:1000]


def _without_query(url: str) -> str:
    """Queries may hold secrets, and the server keeps no targets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else url.split("?")[0]
