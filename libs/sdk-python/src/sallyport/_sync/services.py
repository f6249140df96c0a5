# Generated from _async/services.py by scripts/generate_sync.py; edit there.
"""Services and connections (api.md §12), and the published client's grant calls (§5.3)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union

from .. import _revocations as revocations
from .._calls import creating, read, segment, without_none, write
from ..answers import Answer, Service, ServiceConnection, answer_list
from .client import HttpClient


class ServiceService:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def list(self) -> List[ServiceConnection]:
        """The connections."""
        return answer_list(ServiceConnection, self._client.send(read("/v1/services/connected")))

    def list_available(self) -> List[Service]:
        """The catalogue."""
        return answer_list(Service, self._client.send(read("/v1/services")))

    def list_templates(self) -> List[Answer]:
        """The credential fields of each service."""
        return answer_list(Answer, self._client.send(read("/v1/services/templates")))

    def connect(
        self,
        service_id: str,
        oauth_token: Optional[str] = None,
        scopes: Optional[List[str]] = None,
        *,
        credential: Union[str, Dict[str, str], None] = None,
        **options: Any,
    ) -> ServiceConnection:
        """Connects a catalogue service with a token or the fields of its template. `options`: api.md §12."""
        body = without_none(service_id=service_id, oauth_token=oauth_token, scopes=scopes, credential=credential)
        call = creating("/v1/services/connect", {**body, **options})
        return ServiceConnection(self._client.send(call))

    def connect_custom(
        self,
        name: str,
        credential: Union[str, Dict[str, str]],
        description: Optional[str] = None,
        scopes: Optional[List[str]] = None,
        **options: Any,
    ) -> ServiceConnection:
        """Makes a service of one's own and connects it. `options`: `provider`, `hosts`, `base_url`, `auth`, …"""
        body = without_none(name=name, credential=credential, description=description, scopes=scopes)
        call = creating("/v1/services/custom", {**body, **options})
        return ServiceConnection(self._client.send(call))

    def update(self, connection_id: str, **fields: Any) -> ServiceConnection:
        """Changes a connection. Fields that move its destination need `credential` anew."""
        call = write("PATCH", f"/v1/services/connections/{segment(connection_id)}", fields)
        return ServiceConnection(self._client.send(call))

    def verify(self, connection_id: str) -> Answer:
        return Answer(self._client.send(write("POST", f"/v1/services/{segment(connection_id)}/verify")))

    def disconnect(self, connection_id: str) -> Answer:
        """Destroys the secret and revokes the passports that hold the connection."""
        return Answer(self._client.send(write("DELETE", f"/v1/services/{segment(connection_id)}/disconnect")))

    def grant_agent_access(self, agent_id: str, service_connection_id: str, scopes: List[str]) -> Answer:
        body = {"agent_id": agent_id, "service_connection_id": service_connection_id, "scopes": scopes}
        return Answer(self._client.send(write("POST", "/v1/services/grant", body)))

    def revoke_agent_access(self, agent_id: str) -> Answer:
        """Removes all grants of the agent and revokes its live passports."""
        call = write("DELETE", f"/v1/services/agents/{segment(agent_id)}/revoke")
        answer = Answer(self._client.send(call))
        revocations.announce(self._client.base_url, {"agent_id": agent_id}, "Access revoked")
        return answer

    def get_agent_permissions(self, agent_id: str) -> Answer:
        return Answer(self._client.send(read(f"/v1/agents/{segment(agent_id)}/permissions")))
