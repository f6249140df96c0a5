"""Missions as such: open, start, renew, complete, revoke, read (api.md §7). `passports.mission(…)` is the usual way."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .. import _revocations as revocations
from .._calls import Call, creating, read, segment, without_none, write
from ..answers import Answer
from .client import AsyncHttpClient


class AsyncMissionsService:
    def __init__(self, client: AsyncHttpClient) -> None:
        self._client = client

    async def open(
        self,
        intent_summary: str,
        *,
        intent_services: Optional[List[str]] = None,
        expected_counterparties: Optional[List[str]] = None,
        baseline_profile: Optional[Dict[str, Any]] = None,
        expected_output_shape: Optional[Dict[str, Any]] = None,
        max_actions: Optional[int] = None,
        max_dropoff_bytes: Optional[int] = None,
        coverage_cap_cents: Optional[int] = None,
        max_duration_seconds: Optional[int] = None,
        max_concurrent_intents: Optional[int] = None,
        max_actions_per_service: Optional[Dict[str, int]] = None,
        cap_behavior: Optional[Dict[str, str]] = None,
        expires_in_seconds: Optional[int] = None,
        parent_passport_services: Optional[List[str]] = None,
        fleet_policy_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        requested_access: Optional[List[Dict[str, Any]]] = None,
        requested_operations: Optional[List[Dict[str, Any]]] = None,
        limits: Optional[Dict[str, Any]] = None,
        authority_binding_ids: Optional[List[str]] = None,
        agent_id: Optional[str] = None,
    ) -> Answer:
        """A mission without a passport. With `agent_id` it is that agent's, else the first one's that gets one."""
        body = without_none(
            intent_summary=intent_summary,
            intent_services=intent_services,
            expected_counterparties=expected_counterparties,
            baseline_profile=baseline_profile,
            expected_output_shape=expected_output_shape,
            max_actions=max_actions,
            max_dropoff_bytes=max_dropoff_bytes,
            coverage_cap_cents=coverage_cap_cents,
            max_duration_seconds=max_duration_seconds,
            max_concurrent_intents=max_concurrent_intents,
            max_actions_per_service=max_actions_per_service,
            cap_behavior=cap_behavior,
            expires_in_seconds=expires_in_seconds,
            parent_passport_services=parent_passport_services,
            fleet_policy_id=fleet_policy_id,
            idempotency_key=idempotency_key,
            requested_access=requested_access,
            requested_operations=requested_operations,
            limits=limits,
            authority_binding_ids=authority_binding_ids,
            agent_id=agent_id,
        )
        return Answer(await self._client.send(_creating("/v1/missions", body)))

    async def start(
        self,
        request: Optional[Dict[str, Any]] = None,
        *,
        agent_id: Optional[str] = None,
        mission: Optional[Dict[str, Any]] = None,
        passport: Optional[Dict[str, Any]] = None,
    ) -> Answer:
        """A mission and its passport in one call; if the passport is refused, the mission is revoked. Either
        `agent_id` and `mission` (a dict with `intent_summary`), or the whole body as `request`."""
        if (request is None) == (agent_id is None or mission is None):
            raise ValueError("missions.start takes agent_id= and mission=, or one request")
        if request is not None and (agent_id is not None or mission is not None or passport is not None):
            raise ValueError("missions.start takes agent_id= and mission=, or one request")
        body = request if request is not None else without_none(agent_id=agent_id, mission=mission, passport=passport)
        return Answer(await self._client.send(_creating("/v1/missions/start", body)))

    async def renew(self, mission_id: str) -> Answer:
        """A fresh passport of the same mission."""
        return Answer(await self._client.send(write("POST", f"/v1/missions/{segment(mission_id)}/renew", {})))

    async def complete(self, mission_id: str, *, output: Optional[Dict[str, Any]] = None) -> Answer:
        """Ends the mission and its passports. Repeating answers how it ended."""
        return await self._end(mission_id, "complete", without_none(output=output), "mission_completed")

    async def revoke(self, mission_id: str, *, reason: str, notes: Optional[str] = None) -> Answer:
        """Ends the mission and its passports. `reason`: `adversarial` or `operator_initiated_clean`."""
        return await self._end(mission_id, "revoke", without_none(reason=reason, notes=notes), "mission_revoked")

    async def get(self, mission_id: str) -> Answer:
        return Answer(await self._client.send(read(f"/v1/missions/{segment(mission_id)}")))

    async def list(
        self, *, status: Optional[str] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> Answer:
        """The missions stand under `["items"]`."""
        return Answer(await self._client.send(read("/v1/missions", {"status": status, "page": page, "limit": limit})))

    async def activity(self, mission_id: str) -> Answer:
        return Answer(await self._client.send(read(f"/v1/missions/{segment(mission_id)}/replay")))

    async def replay(self, mission_id: str) -> Answer:
        """Another name of `activity`."""
        return await self.activity(mission_id)

    async def list_operator_reviews(self, mission_id: str) -> Answer:
        return Answer(await self._client.send(read(f"/v1/missions/{segment(mission_id)}/operator-reviews")))

    async def _end(self, mission_id: str, how: str, body: Dict[str, Any], reason: str) -> Answer:
        ended = Answer(await self._client.send(write("POST", f"/v1/missions/{segment(mission_id)}/{how}", body)))
        revocations.announce(self._client.base_url, {"mission_id": mission_id}, reason)
        return ended


def _creating(path: str, body: Mapping[str, Any]) -> Call:
    """A caller's own `idempotency_key` in the body takes the header's place."""
    inner = body.get("mission")
    own = body.get("idempotency_key") or (inner.get("idempotency_key") if isinstance(inner, dict) else None)
    call = creating(path, body)
    return call if own is None else Call("POST", path, body=body, repeat="safe")
