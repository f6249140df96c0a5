"""The highest `X-Event-Seq` seen per base URL, by all clients of this process (api.md §1.7): what one client
wrote, another one's next read includes."""

from __future__ import annotations

import threading
from typing import Dict, Optional

_lock = threading.Lock()
_highest: Dict[str, int] = {}


def seen(base_url: str, header: Optional[str]) -> None:
    if header is None or not header.isascii() or not header.isdigit() or len(header) > 18:
        return
    with _lock:
        _highest[base_url] = max(_highest.get(base_url, 0), int(header))


def highest(base_url: str) -> Optional[int]:
    with _lock:
        return _highest.get(base_url)
