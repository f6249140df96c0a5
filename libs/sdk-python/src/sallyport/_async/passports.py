"""Passports: issue, verify, checkpoint, check out, delegate, refresh, revoke (api.md §6, §11)."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Dict, List, Mapping, Optional, Sequence

from .. import _revocations as revocations
from .._calls import Call, creating, read, segment, without_none, write
from .._durations import Duration, seconds
from .._passport_bodies import (
    Rules,
    Scopes,
    checkpoint_body,
    delegated_scopes,
    intent_body,
    one_mission,
    optional_seconds,
)
from ..answers import Answer, CheckoutResult, CheckpointResult, Passport, PassportReport, answer_list
from .client import AsyncHttpClient
from .mission import AsyncMission, failure_notes
from .proxy import AsyncProxyService


class AsyncPassportService:
    def __init__(self, client: AsyncHttpClient) -> None:
        self._client = client
        self._proxy = AsyncProxyService(client)

    async def issue(
        self,
        agent_id: str,
        intent: Optional[str] = None,
        services: Optional[Sequence[str]] = None,
        will_delegate: bool = False,
        estimated_duration: Optional[Duration] = None,
        checkpoint_interval: Optional[Duration] = None,
        ttl_seconds: Optional[int] = None,
        scopes: Optional[Scopes] = None,
        authority_binding_ids: Optional[List[str]] = None,
        mission_ids: Optional[Sequence[str]] = None,
    ) -> Passport:
        """A passport for one live mission. ValueError unless `mission_ids` holds exactly one id."""
        body = without_none(
            agent_id=agent_id,
            mission_ids=one_mission(mission_ids),
            intent=intent_body(intent, services, will_delegate, estimated_duration),
            checkpoint_interval_seconds=optional_seconds(checkpoint_interval),
            ttl_seconds=ttl_seconds or None,
            scopes=list(scopes) if scopes else None,
            authority_binding_ids=authority_binding_ids,
        )
        return Passport(await self._client.send(creating("/v1/passports/issue", body)))

    async def verify(self, token: str) -> Answer:
        """The server's word on a passport, revocation included: `valid`, and `code` and `reason` when it is not."""
        return Answer(await self._client.send(Call("POST", "/v1/passports/verify", body={"token": token}, repeat="safe")))

    async def get(self, jti: str) -> Answer:
        """The passport's state. Its token is never returned again."""
        return Answer(await self._client.send(read(f"/v1/passports/{segment(jti)}")))

    async def list_active(self, agent_id: Optional[str] = None, session_id: Optional[str] = None) -> List[Answer]:
        params = {"agent_id": agent_id or None, "session_id": session_id or None}
        return answer_list(Answer, await self._client.send(read("/v1/passports/active", params)))

    async def report(self, passport_jti: str) -> PassportReport:
        return PassportReport(await self._client.send(read(f"/v1/passports/{segment(passport_jti)}/report")))

    async def checkpoint(
        self,
        passport_jti: str,
        services_used: Sequence[str],
        actions_count: int,
        tool_calls: Optional[Sequence[Mapping[str, Any]]] = None,
        summary: Optional[str] = None,
        delegated_to: Optional[Sequence[str]] = None,
    ) -> CheckpointResult:
        """Reports what was done since the last checkpoint; an enforced passport lives on by it."""
        body = checkpoint_body(services_used, actions_count, tool_calls, summary, delegated_to)
        call = write("POST", f"/v1/passports/{segment(passport_jti)}/checkpoint", body)
        return CheckpointResult(await self._client.send(call))

    async def checkout(
        self,
        passport_jti: str,
        services_used: Sequence[str],
        actions_count: int,
        tool_calls: Optional[Sequence[Mapping[str, Any]]] = None,
        summary: Optional[str] = None,
        delegated_to: Optional[Sequence[str]] = None,
        *,
        outcome: Optional[str] = None,
        keep_children: Optional[bool] = None,
    ) -> CheckoutResult:
        """Ends the passport with the totals of its life. `review_status` says how it is judged."""
        body = checkpoint_body(services_used, actions_count, tool_calls, summary, delegated_to)
        body.update(without_none(outcome=outcome, keep_children=keep_children))
        call = write("POST", f"/v1/passports/{segment(passport_jti)}/checkout", body)
        return CheckoutResult(await self._client.send(call))

    async def revoke(self, jti: str, reason: Optional[str] = None) -> Answer:
        """Kills the passport and all that descends from it. Repeating is no error."""
        return await self._revoke("/v1/passports/revoke", {"jti": jti}, without_none(jti=jti, reason=reason))

    async def revoke_agent(
        self, agent_id: str, reason: Optional[str] = None, *, block_agent: Optional[bool] = None
    ) -> Answer:
        path = f"/v1/passports/revoke-agent/{segment(agent_id)}"
        return await self._revoke(path, {"agent_id": agent_id}, without_none(reason=reason, block_agent=block_agent))

    async def revoke_session(self, session_id: str, reason: Optional[str] = None) -> Answer:
        path = f"/v1/passports/revoke-session/{segment(session_id)}"
        return await self._revoke(path, {"session_id": session_id}, without_none(reason=reason))

    async def revoke_all(self, reason: Optional[str] = None, *, freeze: Optional[bool] = None) -> Answer:
        """Kills every passport of the operator."""
        return await self._revoke("/v1/passports/revoke-all", {}, without_none(reason=reason, freeze=freeze))

    async def delegate(
        self,
        parent_token: str,
        child_agent_id: str,
        scopes: Optional[Scopes] = None,
        ttl_seconds: Optional[int] = None,
        *,
        intent: Optional[Mapping[str, Any]] = None,
        checkpoint_interval: Optional[Duration] = None,
    ) -> Passport:
        """A passport for another agent below this one. `scopes`: entries, or names of the parent's services; by
        default all that the parent holds."""
        body = without_none(
            parent_passport_token=parent_token,
            child_agent_id=child_agent_id,
            scopes=delegated_scopes(parent_token, scopes),
            ttl_seconds=ttl_seconds,
            intent=intent,
            checkpoint_interval_seconds=optional_seconds(checkpoint_interval),
        )
        return Passport(await self._client.send(creating("/v1/passports/delegate", body)))

    async def refresh(self, token: str, ttl_seconds: Optional[int] = None) -> Passport:
        """A new passport of the same mission in place of this one. MissionEndedError once the mission is over."""
        body = without_none(token=token, ttl_seconds=ttl_seconds or None)
        return Passport(await self._client.send(creating("/v1/passports/refresh", body)))

    def mission(
        self,
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
    ) -> AsyncMission:
        """One bounded mission, as a context manager. Nothing happens until it is entered; then it opens a mission
        with a passport (with `mission_id` a passport for that one), and leaving it checks out and ends the mission
        that it opened: completed, or after an exception revoked. `constraints` and `named_intents` map a service
        to rules; `caps` are those of api.md §7.2."""
        return AsyncMission(
            self,
            agent_id,
            intent,
            services,
            will_delegate,
            estimated_duration,
            checkpoint_interval,
            mission_id,
            expires_in,
            ttl_seconds=ttl_seconds,
            scopes=scopes,
            constraints=constraints,
            named_intents=named_intents,
            caps=caps,
            auto_checkpoint=auto_checkpoint,
        )

    async def continuous_mission(
        self,
        agent_id: str,
        intent: str,
        services: Sequence[str],
        rotation_interval: Duration = "4h",
        will_delegate: bool = False,
        checkpoint_interval: Optional[Duration] = None,
        mission_id: Optional[str] = None,
        expires_in: Optional[Duration] = None,
    ) -> AsyncGenerator[AsyncMission, None]:
        """Passport after passport of one mission: each turn of the loop checks the last one out and yields the
        next, to be worked with until `should_rotate`. Leaving the loop ends the mission if it was opened here."""
        rotation_seconds = seconds(rotation_interval)
        bound, opened, turn = mission_id, False, 0
        error: Optional[BaseException] = None
        try:
            while True:
                mission = AsyncMission(
                    self, agent_id, intent, services, will_delegate, None, checkpoint_interval, bound, expires_in
                )
                mission._rotates(turn, rotation_seconds)
                async with mission:
                    opened = opened or bound is None
                    bound = mission.mission_id
                    yield mission
                turn += 1
        except GeneratorExit:
            raise
        except BaseException as caught:
            error = caught
            raise
        finally:
            if opened and bound is not None:
                await self._end_mission(bound, error)

    async def _start_mission(self, body: Mapping[str, Any]) -> Answer:
        return Answer(await self._client.send(creating("/v1/missions/start", body)))

    async def _issue(self, body: Mapping[str, Any]) -> Passport:
        return Passport(await self._client.send(creating("/v1/passports/issue", body)))

    async def _end_mission(self, mission_id: str, error: Optional[BaseException]) -> None:
        """Completes the mission, or revokes it after an error; that error then matters more than a failure here."""
        path = f"/v1/missions/{segment(mission_id)}"
        if error is None:
            await self._client.send(write("POST", f"{path}/complete", {}))
            return
        body = {"reason": "operator_initiated_clean", "notes": failure_notes(error)}
        try:
            await self._client.send(write("POST", f"{path}/revoke", body))
        except Exception:
            pass

    async def _revoke(self, path: str, target: Dict[str, str], body: Dict[str, Any]) -> Answer:
        answer = Answer(await self._client.send(write("POST", path, body)))
        operator_id = answer.get("operator_id")
        if not target and isinstance(operator_id, str):
            target = {"operator_id": operator_id}
        reason = answer.get("reason") or body.get("reason")
        if target:
            revocations.announce(self._client.base_url, target, reason)
        for jti in answer.get("cascaded") or []:
            revocations.announce(self._client.base_url, {"jti": jti}, reason)
        return answer
