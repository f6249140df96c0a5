"""The asynchronous source behaves as its generated twin, and the twin is up to date."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Awaitable, Callable, List

import pytest

import sallyport
from sallyport import AsyncStack, PassportRevokedError

from . import vectors
from .fake_server import FakeServer, refusal

URL = "https://api.github.com/repos/acme/sandbox/issues"


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def with_deadline() -> None:
        await asyncio.wait_for(main(), 30)

    asyncio.run(with_deadline())


def test_the_sync_modules_are_as_generated() -> None:
    script = Path(__file__).resolve().parent.parent / "scripts" / "generate_sync.py"
    checked = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", sorted(name for name in sallyport.__all__ if "Async" + name in sallyport.__all__))
def test_each_class_has_a_twin_with_the_same_names_and_parameters(name: str) -> None:
    ours, twin = getattr(sallyport, name), getattr(sallyport, "Async" + name)
    rename = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
    methods = {n for n, _ in inspect.getmembers(ours, callable) if not n.startswith("_") or n in ("__init__", *rename)}
    assert methods
    for method in methods:
        sync, other = (inspect.signature(getattr(c, n)) for c, n in ((ours, method), (twin, rename.get(method, method))))
        assert [(p.name, p.kind, p.default) for p in sync.parameters.values()] == [
            (p.name, p.kind, p.default) for p in other.parameters.values()
        ], method


def test_an_agent_enrols_works_and_checks_out(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_API_KEY", vectors.API_KEY)
    told: List[str] = []

    async def tell(operation_id: str) -> None:
        told.append(operation_id)

    async def main() -> None:
        async with AsyncStack(base_url=server.base_url) as stack:
            agent = await stack.agents.register("bot")
        async with AsyncStack(agent_id=agent.id, base_url=server.base_url) as stack:
            async with stack.passports.mission(agent.id, "x", ["github"]) as mission:
                answers = await asyncio.gather(*[mission.proxy("github", URL) for _ in range(3)])
                assert all(answer.ok() for answer in answers)
                await mission.proxy("github", URL, "POST", on_operation_id=tell)
            assert mission.review_status == "clean"

    run(main)
    ends = [request.path.rsplit("/", 1)[1] for request in server.received]
    assert ends == ["register", "enrollment-challenge", "enroll", "start", *["proxy"] * 4, "checkout", "complete"]
    assert len({request.agent_claims["jti"] for request in server.received[3:]}) == 7
    assert server.received[7].headers["x-stack-authority-request-id"] == told[0]


def test_concurrent_first_requests_enrol_once(server: FakeServer) -> None:
    async def main() -> None:
        async with AsyncStack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url) as stack:
            await asyncio.gather(*[stack.agents.list() for _ in range(5)])

    run(main)
    assert len([request for request in server.received if request.path.endswith("/enroll")]) == 1


def test_checkpoints_run_as_a_task_and_end_with_the_mission(server: FakeServer) -> None:
    server.checkpoint_interval = 1

    async def main() -> None:
        async with AsyncStack("k", base_url=server.base_url) as stack:
            async with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
                first = mission.token
                while mission.token == first:
                    await asyncio.sleep(0.01)
            assert not [task for task in asyncio.all_tasks() if "_keep_alive" in repr(task)]

    run(main)


def test_a_revoked_mission_raises_without_a_request(server: FakeServer) -> None:
    async def main() -> None:
        async with AsyncStack("k", base_url=server.base_url) as stack:
            async with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
                assert mission.passport is not None
                await stack.passports.revoke(mission.passport.jti, reason="off-script")
                with pytest.raises(PassportRevokedError):
                    await mission.proxy("github", URL)

    run(main)
    assert server.calls("POST", "/v1/proxy") == []


def test_reads_are_repeated(server: FakeServer, quick: list[float]) -> None:
    server.script("GET", "/v1/agents", refusal("READ_MODEL_BEHIND", status=503))

    async def main() -> None:
        async with AsyncStack("k", base_url=server.base_url) as stack:
            assert (await stack.agents.list())[0].id == vectors.AGENT_ID

    run(main)
    assert len(quick) == 1


def test_a_continuous_mission_rotates(server: FakeServer) -> None:
    async def main() -> None:
        async with AsyncStack("k", base_url=server.base_url) as stack:
            missions = stack.passports.continuous_mission(vectors.AGENT_ID, "x", [], rotation_interval=0)
            async for mission in missions:
                if mission.rotation_count == 1:
                    break
            await missions.aclose()

    run(main)
    ends = [request.path.rsplit("/", 1)[1] for request in server.received]
    assert ends == ["start", "checkout", "issue", "checkout", "complete"]


def test_a_client_made_outside_any_loop_works_in_one(server: FakeServer) -> None:
    stack = AsyncStack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url)

    async def main() -> None:
        answers = await asyncio.gather(stack.agents.list(), stack.agents.list())
        assert len(answers) == 2
        await stack.close()

    run(main)
