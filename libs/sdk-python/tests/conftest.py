from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from .fake_server import FakeServer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder and an environment that names no server and no key."""
    for name in ("STACK_API_KEY", "STACK_BASE_URL", "SALLYPORT_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(home: Path) -> Iterator[FakeServer]:
    fake = FakeServer()
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Collects the pauses between repeats instead of spending them."""
    pauses: list[float] = []

    async def async_pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("sallyport._sync.client.sleep", pauses.append)
    monkeypatch.setattr("sallyport._async.client.async_sleep", async_pause)
    yield pauses


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
