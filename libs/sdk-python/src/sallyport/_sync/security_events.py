# Generated from _async/security_events.py by scripts/generate_sync.py; edit there.
"""Security events: what the detectors found (api.md §14.3). Operator level: member keys are refused."""

from __future__ import annotations

from typing import Optional, Union

from .._calls import read, segment, without_none, write
from ..answers import Answer
from .client import HttpClient


class SecurityEventService:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def list(
        self,
        agent_id: Optional[str] = None,
        page: int = 1,
        limit: int = 50,
        *,
        resolved: Union[bool, str, None] = None,
        status: Optional[str] = None,
        signal_type: Optional[str] = None,
        severity: Optional[str] = None,
    ) -> Answer:
        """`events`, `unresolved_count`, `page`, `limit`. `resolved`: False (the default), True or `"all"`."""
        params = without_none(
            agent_id=agent_id,
            page=page,
            limit=limit,
            resolved=str(resolved).lower() if resolved is not None else None,
            status=status,
            signal_type=signal_type,
            severity=severity,
        )
        return Answer(self._client.send(read("/v1/security-events", params)))

    def get(self, event_id: str) -> Answer:
        return Answer(self._client.send(read(f"/v1/security-events/{segment(event_id)}")))

    def acknowledge(self, event_id: str) -> Answer:
        return Answer(self._client.send(write("POST", f"/v1/security-events/{segment(event_id)}/acknowledge")))

    def resolve(self, event_id: str, resolution: Optional[str] = None, note: Optional[str] = None) -> Answer:
        body = without_none(resolution=resolution, note=note)
        return Answer(
            self._client.send(write("POST", f"/v1/security-events/{segment(event_id)}/resolve", body or None))
        )
