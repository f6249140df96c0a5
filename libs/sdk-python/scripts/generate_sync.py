"""Writes `src/sallyport/_sync` from `src/sallyport/_async`, so that every service is written once.

`python scripts/generate_sync.py` writes; with `--check` it only says (exit code 1) whether the written files differ.
The rules are words: `AsyncX` becomes `X`, `async_x` becomes `x`, and `async` and `await` go.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "sallyport" / "_async"
TARGET = SOURCE.parent / "_sync"
HEADER = "# Generated from _async/{name} by scripts/generate_sync.py; edit there.\n"

RULES = [
    (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bhttpx\.AsyncClient\b", "httpx.Client"),
    (r"\b(An?) Async", r"\1 "),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=[a-z])", ""),
    (r"Callable\[\[str\], Union\[None, Awaitable\[None\]\]\]", "Callable[[str], None]"),
    (r"Any, Awaitable, Callable, Dict, Mapping, Optional, Union", "Any, Callable, Dict, Mapping, Optional"),
]


def generated(name: str, source: str) -> str:
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    return HEADER.format(name=name) + source


def main() -> int:
    check = "--check" in sys.argv[1:]
    wanted = {path.name: generated(path.name, path.read_text("utf-8")) for path in sorted(SOURCE.glob("*.py"))}
    wanted["__init__.py"] = '"""Generated from `_async` by `scripts/generate_sync.py`; edit there."""\n'
    present = {path.name: path.read_text("utf-8") for path in TARGET.glob("*.py")}
    differing = sorted(name for name in {*wanted, *present} if wanted.get(name) != present.get(name))
    if check:
        print("\n".join(f"differs: _sync/{name}" for name in differing) or "_sync is as generated")
        return 1 if differing else 0
    TARGET.mkdir(exist_ok=True)
    for name in differing:
        if name in wanted:
            (TARGET / name).write_text(wanted[name], "utf-8")
        else:
            (TARGET / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
