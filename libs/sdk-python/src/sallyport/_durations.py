"""Durations as people write them: `"90s"`, `"5m"`, `"1h"`, seconds, or a checkpoint preset (api.md §6, §20)."""

from __future__ import annotations

import re
from typing import Union

Duration = Union[str, int]

_PRESETS = {"frequent": 120, "standard": 300, "relaxed": 900, "marathon": 3600}
_WRITTEN = re.compile(r"([0-9]{1,9})([smh]?)")


def seconds(duration: Duration) -> int:
    """Whole seconds. ValueError for anything that is not a duration; the server sets the bounds."""
    if isinstance(duration, int):
        return duration
    if duration in _PRESETS:
        return _PRESETS[duration]
    match = _WRITTEN.fullmatch(duration.strip())
    if match is None:
        raise ValueError(f"{duration!r} is not a duration such as '90s', '5m', '1h' or a number of seconds")
    return int(match.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600}[match.group(2)]
