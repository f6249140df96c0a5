"""Missions of this process whose passport is known to be dead, so that they stop without asking the network.

A revocation made through any client of this process reaches every mission here at once. Revocations made
elsewhere are learnt from the server's answers; this is a short cut, never the authority.
"""

from __future__ import annotations

import threading
import weakref
from typing import List, Mapping, Optional, Protocol


class Holder(Protocol):
    """A mission, as far as revocation is concerned."""

    def holds(self, base_url: str, target: Mapping[str, str]) -> bool: ...

    def mark_revoked(self, reason: Optional[str]) -> None: ...


_lock = threading.Lock()
_live: "weakref.WeakSet[Holder]" = weakref.WeakSet()


def watch(holder: Holder) -> None:
    with _lock:
        _live.add(holder)


def unwatch(holder: Holder) -> None:
    with _lock:
        _live.discard(holder)


def announce(base_url: str, target: Mapping[str, str], reason: Optional[str]) -> None:
    """Marks the missions that `target` names: one of `jti`, `agent_id`, `session_id`, `mission_id`, `operator_id`."""
    with _lock:
        holders: List[Holder] = list(_live)
    for holder in holders:
        if holder.holds(base_url, target):
            holder.mark_revoked(reason)
