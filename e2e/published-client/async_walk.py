"""The published client, unmodified, async: the walk of an agent. Prints a JSON line per step."""

import asyncio
import os

from getstack import AsyncStack

from steps import step

BASE = os.environ["STACK_BASE_URL"]
KEY = os.environ["STACK_API_KEY"]
URL = "https://api.github.com/repos/acme/sandbox/issues"


async def main():
    async with AsyncStack(KEY, base_url=BASE) as stack:
        assert (await stack.services.list())[0]["provider"] == "github"
        agent = await stack.agents.register(name="published-async", accountability_mode="enforced")
        assert (await stack.agents.get(agent.id)).id == agent.id
        step("agents")
        async with AsyncStack(KEY, agent_id=agent.id, base_url=BASE) as runtime:
            async with runtime.passports.mission(
                agent_id=agent.id, intent="Triage open issues in acme/sandbox", services=["github"]
            ) as mission:
                listed = await mission.proxy("github", URL, _proxy_service=runtime.proxy)
                made = await mission.proxy("github", URL, "POST", body={"title": "t"}, _proxy_service=runtime.proxy)
                assert listed.ok() and made.status == 201
                step("calls")
                checkpoint = await runtime.passports.checkpoint(mission.passport.jti, services_used=["github"], actions_count=2)
                assert checkpoint.new_expires_at
                step("checkpoint")
            assert mission.review_status == "clean", mission.result
        step("checkout")
        started = await stack.missions.start(
            agent_id=agent.id, mission={"intent_summary": "Triage acme/sandbox", "intent_services": ["github"]}
        )
        assert (await stack.passports.revoke(started["passport"]["jti"], reason="off-script"))["revoked"] is True
        assert (await stack.security_events.list())["events"] is not None
        assert (await stack.audit.verify_chain())["valid"] is True
        assert (await stack.audit.list(limit=5))["entries"]
        step("audit")


asyncio.run(main())
