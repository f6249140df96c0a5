"""Agents: registration, settings, key, grants (api.md §5)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .. import _revocations as revocations
from .._calls import creating, read, segment, without_none, write
from ..answers import Agent, Answer, answer_list
from .auth import async_enroll
from .client import AsyncHttpClient


class AsyncAgentService:
    def __init__(self, client: AsyncHttpClient) -> None:
        self._client = client

    async def register(
        self,
        name: str,
        description: Optional[str] = None,
        profile: Optional[str] = None,
        accountability_mode: Optional[str] = None,
        credential_access: Optional[str] = None,
        key_mode: Optional[str] = None,
        on_warning: str = "notify",
        on_critical: str = "notify",
        llm_inject_system_prompt: Optional[bool] = None,
        llm_redact_pii: Optional[bool] = None,
        *,
        icon_url: Optional[str] = None,
        allowed_connections: Optional[List[str]] = None,
        bind_resources: Optional[str] = None,
        max_mission_seconds: Optional[int] = None,
    ) -> Agent:
        """A new agent. What is left out takes the server's default (api.md §5.1)."""
        body = without_none(
            name=name,
            description=description,
            profile=profile,
            accountability_mode=accountability_mode,
            credential_access=credential_access,
            key_mode=key_mode,
            on_warning=on_warning if on_warning != "notify" else None,
            on_critical=on_critical if on_critical != "notify" else None,
            llm_inject_system_prompt=llm_inject_system_prompt,
            llm_redact_pii=llm_redact_pii,
            icon_url=icon_url,
            allowed_connections=allowed_connections,
            bind_resources=bind_resources,
            max_mission_seconds=max_mission_seconds,
        )
        return Agent(await self._client.send(creating("/v1/agents/register", body)))

    async def get(self, agent_id: str) -> Agent:
        return Agent(await self._client.send(read(f"/v1/agents/{segment(agent_id)}")))

    async def list(self) -> List[Agent]:
        return answer_list(Agent, await self._client.send(read("/v1/agents")))

    async def update(self, agent_id: str, **kwargs: Any) -> Agent:
        """Changes the fields given; `None` clears a nullable one. Suspending revokes the agent's passports."""
        agent = Agent(await self._client.send(write("PATCH", f"/v1/agents/{segment(agent_id)}", kwargs)))
        if kwargs.get("status") == "suspended":
            self._announce(agent_id, "Agent suspended")
        return agent

    async def suspend(self, agent_id: str) -> Agent:
        return await self.update(agent_id, status="suspended")

    async def activate(self, agent_id: str) -> Agent:
        return await self.update(agent_id, status="active")

    async def delete(self, agent_id: str) -> Answer:
        answer = Answer(await self._client.send(write("DELETE", f"/v1/agents/{segment(agent_id)}")))
        self._announce(agent_id, "Agent deleted")
        return answer

    async def unblock(self, agent_id: str, governance_approval_id: Optional[str] = None) -> Agent:
        """Clears the block of a review. `governance_approval_id` has no effect here: a signed-in person decides."""
        return Agent(await self._client.send(write("POST", f"/v1/agents/{segment(agent_id)}/unblock")))

    async def enroll(self, agent_id: str) -> Answer:
        """Gives the agent a new key and writes its file, with this client's own bearer. A second time the key is
        rotated: the old one is dead at once and the agent's live passports are revoked."""
        _, enrolled = await async_enroll(self._client, agent_id, self._client.auth)
        if enrolled.get("rotated"):
            self._announce(agent_id, "Agent key rotated")
        return enrolled

    async def grants(self, agent_id: str) -> Answer:
        """`grants` and `implicit` access of the agent."""
        return Answer(await self._client.send(read(f"/v1/agents/{segment(agent_id)}/permissions")))

    async def grant(self, agent_id: str, connection_id: str, **rule: Any) -> Answer:
        """Replaces the agent's grant for the connection (api.md §5.3)."""
        return Answer(await self._client.send(write("PUT", self._grant_path(agent_id, connection_id), rule)))

    async def revoke_grant(self, agent_id: str, connection_id: Optional[str] = None) -> Answer:
        """Removes one grant; without `connection_id` all of them."""
        return Answer(await self._client.send(write("DELETE", self._grant_path(agent_id, connection_id))))

    def _grant_path(self, agent_id: str, connection_id: Optional[str]) -> str:
        path = f"/v1/agents/{segment(agent_id)}/grants"
        return path if connection_id is None else f"{path}/{segment(connection_id)}"

    def _announce(self, agent_id: str, reason: str) -> None:
        target: Dict[str, str] = {"agent_id": agent_id}
        revocations.announce(self._client.base_url, target, reason)
