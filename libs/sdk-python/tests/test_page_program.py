"""The program of the published AutoGen page, as far as it does not need AutoGen: environment, import name `getstack`,
one client that registers and revokes, one that works as the agent."""

from __future__ import annotations

from pathlib import Path

import pytest
from getstack import PassportRevokedError, Stack

from . import vectors
from .fake_server import FakeServer

ISSUES = "https://api.github.com/repos/acme/sandbox/issues"


def test_the_page_runs_with_environment_variables_alone(
    server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_BASE_URL", server.base_url)
    monkeypatch.setenv("STACK_API_KEY", vectors.API_KEY)
    stack = Stack()
    agent = stack.agents.register(
        name="autogen-assistant", description="GitHub triage bot", accountability_mode="enforced"
    )
    agent_stack = Stack(agent_id=agent.id)
    manager = agent_stack.passports.mission(
        agent_id=agent.id, intent="Triage open issues in acme/sandbox", services=["github"], checkpoint_interval="5m"
    )
    with pytest.raises(PassportRevokedError):
        with manager as mission:
            assert mission.proxy(service="github", url=ISSUES, method="GET", query={"state": "open"}).ok()
            assert mission.passport is not None
            stack.passports.revoke(mission.passport.jti, reason="off-script")
            mission.proxy(service="github", url=ISSUES, method="POST", body={"title": "t", "body": "b"})
    proxied = server.calls("POST", "/v1/proxy")
    assert [call.body["method"] for call in proxied] == ["GET"]
    assert proxied[0].agent_claims["sub"] == agent.id
    assert (home / ".stack" / "agents" / f"{agent.id}.json").exists()
