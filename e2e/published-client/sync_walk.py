"""The published client, unmodified, sync: one walk over what the platform has. Prints a JSON line per step."""

import os

import getstack
from getstack import Stack, verify_passport_offline, verify_passport_header
from getstack.errors import StackError

from steps import eventually, step

BASE = os.environ["STACK_BASE_URL"]
KEY = os.environ["STACK_API_KEY"]
URL = "https://api.github.com/repos/acme/sandbox/issues"


step("version", getstack.__version__)
stack = Stack(KEY, base_url=BASE)

connection = stack.services.list()[0]
assert connection["provider"] == "github"
assert any(service["provider"] == "github" for service in stack.services.list_available())
assert stack.services.list_templates()
step("services")

agent = stack.agents.register(name="published-client", description="conformance", accountability_mode="enforced")
assert stack.agents.get(agent.id).name == "published-client"
assert any(one.id == agent.id for one in stack.agents.list())
assert stack.agents.update(agent.id, description="changed").description == "changed"
assert stack.agents.suspend(agent.id).status == "suspended"
assert stack.agents.activate(agent.id).status == "active"
stack.agents.unblock(agent.id)
bot = stack.agents.register(name="preset-bot", profile="proxied-llm-bot")
assert (bot.accountability_mode, bot.credential_access) == ("logged", "proxy_only")
step("agents")

grant = stack.services.grant_agent_access(agent.id, connection["id"], connection["scopes"])
assert grant["scopes"] == connection["scopes"]
permissions = stack.services.get_agent_permissions(agent.id)
assert permissions["grants"][0]["connection_id"] == connection["id"]
step("grants")

runtime = Stack(KEY, agent_id=agent.id, base_url=BASE)
with runtime.passports.mission(
    agent_id=agent.id, intent="Triage open issues in acme/sandbox", services=["github"], checkpoint_interval="5m"
) as mission:
    step("enrolled", os.path.exists(os.path.expanduser("~/.stack/agents/%s.json" % agent.id)))
    listed = mission.proxy("github", URL, query={"state": "open"}, _proxy_service=runtime.proxy)
    assert listed.ok() and listed.body[0]["number"] == 7, listed
    made = mission.proxy("github", URL, "POST", body={"title": "t", "body": "b"}, _proxy_service=runtime.proxy)
    assert made.status == 201 and made.operation_id
    step("calls")

    online = stack._client.post("/v1/passports/verify", json={"token": mission.token})
    assert online["valid"] is True, online
    assert stack.passports.verify(mission.token)
    claims = verify_passport_offline(mission.token, jwks_url=BASE + "/v1/.well-known/jwks.json", issuer=BASE)
    assert claims["stk"]["agent_id"] == agent.id and claims["jti"] == mission.passport.jti
    step("verified")

    checkpoint = runtime.passports.checkpoint(mission.passport.jti, services_used=["github"], actions_count=2)
    assert checkpoint.passport_jti == mission.passport.jti and checkpoint.new_expires_at
    after = mission.proxy("github", URL, _proxy_service=runtime.proxy)
    assert after.ok()
    assert any(one["jti"] == mission.passport.jti for one in stack.passports.list_active(agent_id=agent.id))
    step("checkpoint")
    token, jti = mission.token, mission.passport.jti
assert mission.review_status == "clean", mission.result
assert stack._client.post("/v1/passports/verify", json={"token": token})["valid"] is False
assert stack.missions.get(mission.mission_id)["status"] == "completed"
assert any(one["mission_id"] == mission.mission_id for one in eventually(lambda: stack.missions.list(limit=50)["items"]))
step("checkout", mission.result.checkout_id)

opened = stack.missions.open("Triage open issues in acme/sandbox", agent_id=agent.id, intent_services=["github"])
issued = stack.passports.issue(
    agent.id, intent="Triage open issues in acme/sandbox", services=["github"], mission_ids=[opened["mission_id"]]
)
try:
    runtime.proxy.get("github", "https://api.notion.com/v1/users", passport_token=issued.token)
    raise SystemExit("a foreign host must be refused")
except StackError as refused:
    assert refused.status_code == 403 and refused.code == "DESTINATION_FORBIDDEN", refused
try:
    runtime.proxy.get("github", URL, passport_token=issued.token)
    raise SystemExit("the passport must be dead")
except StackError as refused:
    assert refused.status_code == 401 and refused.code == "PASSPORT_REVOKED", refused
events = eventually(lambda: stack.security_events.list(agent_id=agent.id)["events"])
event = stack.security_events.get(events[0]["id"])
assert event["signal_type"] == "credential_outside_scope"
assert stack.security_events.resolve(event["id"])["resolved"] is True
step("security_events")

again = stack.missions.start(agent_id=agent.id, mission={"intent_summary": "Triage acme/sandbox", "intent_services": ["github"]})
revoked = stack.passports.revoke(again["passport"]["jti"], reason="off-script")
assert revoked["revoked"] is True and revoked["type"] == "single", revoked
stack.missions.revoke(again["mission_id"], reason="operator_initiated_clean", notes="done")
assert stack.missions.complete(opened["mission_id"])["terminal_state"] == "completed_successful"
stack.passports.revoke_agent(agent.id)
step("revoked")

rows = eventually(lambda: [r for r in stack.audit.list(limit=100, agent_id=agent.id)["entries"] if r["action"] == "passport.revoke"])
assert rows and stack.audit.chain_head()["entry_count"] > 10
chain = stack.audit.verify_chain()
assert chain["valid"] is True, chain
step("audit", chain["entries_checked"])
stack.agents.delete(bot.id)
try:
    stack.agents.get(bot.id)
    raise SystemExit("a deleted agent is gone")
except getstack.NotFoundError:
    step("not_found")
