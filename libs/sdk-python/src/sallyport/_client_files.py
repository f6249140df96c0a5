"""The files under `~/.stack` that all clients share (api.md §3.5): reading, writing, and one writer at a time.

A file that other users may read is refused, never repaired: whoever could read it may have done so. Writes are
atomic, so that a crash leaves the old file or the new one; the refresh token in it is single-use.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from .errors import StackConfigError

STALE_LOCK_SECONDS = 60.0
"""Longer than any holder needs (two requests); an older lock is that of a process which died."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def stack_folder() -> Path:
    return Path(os.path.expanduser("~")) / ".stack"


def credentials_path() -> Path:
    return stack_folder() / "credentials.json"


def is_safe_id(agent_id: str) -> bool:
    """Whether the id is one file name. It may come from a token, so it must not be able to name another path."""
    return _SAFE_NAME.fullmatch(agent_id) is not None


def agent_key_path(agent_id: str) -> Path:
    if not is_safe_id(agent_id):
        raise StackConfigError("An agent id consists of letters, digits, '_' and '-'")
    return stack_folder() / "agents" / f"{agent_id}.json"


def read_private_json(path: Path) -> Optional[Dict[str, Any]]:
    """The object in a file that only its owner may read; None if there is no file. StackConfigError otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StackConfigError(f"{path} cannot be read ({error.strerror})") from None
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise StackConfigError(f"{path} is not a regular file")
        if os.name != "nt" and mode & 0o077:
            raise StackConfigError(f"{path} can be read by other users; set its mode to 0600, or make it anew")
        try:
            value = json.loads(stream.read())
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise StackConfigError(f"{path} does not hold a JSON object")
    return value


def write_private_json(path: Path, fields: Mapping[str, Any]) -> None:
    """Replaces the file with the object, mode 0600 in folders of mode 0700, on disk before this returns."""
    _private_folder(path.parent)
    pending = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(dict(fields), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(pending, path)
    except BaseException:
        pending.unlink()
        raise
    if os.name != "nt":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class LockFile:
    """`<file>.lock`, made exclusively. Waiting is the caller's: it polls `try_acquire`."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._mark = secrets.token_hex(16)

    def try_acquire(self) -> bool:
        try:
            _private_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._remove_if_stale()
            return False
        except OSError as error:
            raise StackConfigError(f"{self._path} cannot be made ({error.strerror})") from None
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(self._mark)
        return True

    def release(self) -> None:
        """Removes the lock if it is still this holder's: a stale one may have been taken over."""
        try:
            if self._path.read_text(encoding="ascii") == self._mark:
                self._path.unlink()
        except (OSError, ValueError):
            pass

    def _remove_if_stale(self) -> None:
        try:
            if time.time() - self._path.stat().st_mtime > STALE_LOCK_SECONDS:
                self._path.unlink()
        except OSError:
            pass


def _private_folder(folder: Path) -> None:
    root = stack_folder()
    for part in (root, folder):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name != "nt" and part.stat().st_mode & 0o077:
            part.chmod(0o700)
