"""What an agent did in one mission, as it reports it: since the last checkpoint, and in total. No I/O."""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Optional, Tuple

from ._passport_bodies import checkpoint_body
from .answers import ToolCall

MAX_CALLS_WITH_TARGETS = 20_000
"""Above this the report leaves targets out, so that it stays under the server's 10 MB; the server keeps none."""


class MissionRecord:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: List[ToolCall] = []
        self._services: Dict[str, None] = {}
        self._delegated_to: Dict[str, None] = {}
        self._reported = 0

    def log(self, service: str, method: str, target: Optional[str]) -> None:
        with self._lock:
            self._calls.append(ToolCall(service, method, target))
            self._services[service] = None

    def delegate(self, child_agent_id: str) -> None:
        with self._lock:
            self._delegated_to[child_agent_id] = None

    def since_last(self, summary: str) -> Tuple[Dict[str, Any], int]:
        """The next checkpoint, and the mark to confirm once it is accepted; unconfirmed, the next one repeats it."""
        with self._lock:
            return self._body(self._calls[self._reported :], summary), len(self._calls)

    def confirm(self, mark: int) -> None:
        with self._lock:
            self._reported = max(self._reported, mark)

    def totals(self, summary: str) -> Dict[str, Any]:
        with self._lock:
            return self._body(self._calls, summary)

    def _body(self, calls: List[ToolCall], summary: str) -> Dict[str, Any]:
        full = len(calls) <= MAX_CALLS_WITH_TARGETS
        shown = [call.to_dict() if full else {"service": call.service, "method": call.method} for call in calls]
        return checkpoint_body(list(self._services), len(calls), shown, summary, list(self._delegated_to))
