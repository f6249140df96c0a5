"""The few primitives that differ between threads and tasks. Everything above them is written once, async, and the
sync modules are generated from it (`scripts/generate_sync.py`): `AsyncX` becomes `X`, `async_x` becomes `x`."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from typing import Any, Awaitable, Callable, Optional, TypeVar, Union

Result = TypeVar("Result")

STOP_SECONDS = 5.0
"""How long leaving a mission waits for a checkpoint under way."""


class Lock:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class AsyncLock:
    """Made on first use: before Python 3.10 an asyncio lock binds to the loop that is current when it is made."""

    def __init__(self) -> None:
        self._lock: Optional[asyncio.Lock] = None

    async def __aenter__(self) -> None:
        if self._lock is None:
            self._lock = asyncio.Lock()
        await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()


def sleep(seconds: float) -> None:
    time.sleep(seconds)


async def async_sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


def settled(value: Result) -> Result:
    return value


async def async_settled(value: Union[Result, Awaitable[Result]]) -> Result:
    """The value, awaited if the callback that gave it was a coroutine function."""
    if inspect.isawaitable(value):
        return await value
    return value


class Background:
    """One daemon thread beside the agent's own: it never keeps the process alive."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self, run: Callable[[], Any]) -> None:
        self._thread = threading.Thread(target=run, name="sallyport-checkpoints", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """False as soon as it is to stop, else True after that time."""
        return not self._stopped.wait(seconds)

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)


class AsyncBackground:
    """One task beside the agent's own, cancelled when it is to stop."""

    def __init__(self) -> None:
        self._task: Optional["asyncio.Task[Any]"] = None

    def start(self, run: Callable[[], Any]) -> None:
        self._task = asyncio.ensure_future(run())

    async def wait(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return True

    async def stop(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
