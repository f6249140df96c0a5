"""The published client, unmodified, 4.0.0 and 1.4.0: lives of passports from issue over delegation and refresh to the report. Prints a JSON line per step."""

import os
import time

import getstack
from getstack import Stack
from getstack.errors import NotFoundError, StackError, UnauthorizedError

from steps import eventually, step

BASE = os.environ["STACK_BASE_URL"]
KEY = os.environ["STACK_API_KEY"]
URL = "https://api.github.com/repos/acme/sandbox/issues"
MISSIONS = not getstack.__version__.startswith("1.")


def refused(kind, code, work):
    try:
        work()
    except kind as error:
        assert error.code == code, error
        return error
    raise SystemExit("%s was not raised" % code)


step("version", getstack.__version__)
stack = Stack(KEY, base_url=BASE)
mode = "logged"
agents = [stack.agents.register(name="lives-%d" % i, accountability_mode=mode) for i in range(3)]
agent, child, grandchild = [one.id for one in agents]
github = next(one for one in stack.services.list() if one["provider"] == "github")


def issue(**more):
    """Each version in its own way: 1.4.0 knows no missions of its own."""
    fields = {"intent": "Triage open issues in acme/sandbox", "services": ["github"], **more}
    if MISSIONS:
        opened = stack.missions.open("Triage open issues in acme/sandbox", agent_id=agent, intent_services=["github"])
        fields["mission_ids"] = [opened["mission_id"]]
    return stack.passports.issue(agent, **fields)


def mission_of(jti):
    report = stack.passports.report(jti)
    return report.passport["mission_id"]


runtime = Stack(KEY, base_url=BASE)
with runtime.passports.mission(agent_id=agent, intent="Triage open issues in acme/sandbox", services=["github"]) as mission:
    assert mission.proxy("github", URL, _proxy_service=runtime.proxy).ok()
    mission.delegate(child)
    below = runtime.passports.delegate(mission.token, child)
    answer = runtime.proxy.get("github", URL, passport_token=below.token)
    assert answer.ok(), answer
    kept = mission.passport.jti
assert mission.review_status in ("clean", "flagged"), mission.result
refused(UnauthorizedError, "PASSPORT_REVOKED", lambda: runtime.proxy.get("github", URL, passport_token=below.token))
ended = eventually(lambda: stack.missions.get(mission_of(kept))["status"] == "completed")
step("mission", ended)

root = issue()
first = stack.passports.delegate(root.token, child, scopes=["github"], ttl_seconds=120)
second = stack.passports.delegate(first.token, grandchild)
for passport in (root, first, second):
    assert runtime.proxy.get("github", URL, passport_token=passport.token).ok()
    assert stack.passports.verify(passport.token)["valid"] is True
refused(StackError, "SCOPE_ESCALATION", lambda: stack.passports.delegate(root.token, child, scopes=[{"service": "slack"}]))
step("delegate", len(stack.passports.list_active(session_id=stack.passports.verify(root.token)["session_id"])))

fresh = stack.passports.refresh(root.token, ttl_seconds=600)
assert fresh.jti != root.jti
refused(UnauthorizedError, "PASSPORT_REVOKED", lambda: runtime.proxy.get("github", URL, passport_token=root.token))
assert runtime.proxy.get("github", URL, passport_token=second.token).ok()
step("refresh")

report = stack.passports.report(fresh.jti)
assert report.intent["services"] == ["github"] and report.checkout is None and report.passport["provisional"] is True
revoked = stack.passports.revoke(root.jti, reason="off-script")
assert revoked["revoked"] is True and set(revoked["cascaded"]) == {fresh.jti, first.jti, second.jti}
assert stack.passports.revoke(fresh.jti)["already_revoked"] is True
refused(UnauthorizedError, "PASSPORT_REVOKED", lambda: runtime.proxy.get("github", URL, passport_token=second.token))
step("revoke")

more = {"mission_ids": [stack.missions.open("Answer tickets", agent_id=agent, intent_services=["github"])["mission_id"]]} if MISSIONS else {}
session = stack.issue_passport(
    agent_id=agent,
    services=[{"service_connection_id": github["id"], "scopes": github["scopes"]}],
    intent={"summary": "Answer tickets"},
    ttl_seconds=120,
    **more,
)
before = session.token
after = session.get_token(grace_seconds=120)
assert after != before and session.expires_at_seconds > time.time() + 60
assert session.get_token() == after
step("session")

if MISSIONS:
    from getstack.errors import MissionEndedError

    mission_id = more["mission_ids"][0]
    assert len(stack.missions.get(mission_id)["jtis"]) == 2
    renewed = stack.missions.renew(mission_id)
    assert renewed["passport"]["token"]
    output = {"closed": 3}
    assert stack.missions.complete(mission_id, output=output)["transitioned"] is True
    assert stack.missions.complete(mission_id)["transitioned"] is False
    assert stack.missions.get(mission_id)["output"] == output
    for work in (
        lambda: session.get_token(grace_seconds=10_000),
        lambda: stack.passports.refresh(renewed["passport"]["token"]),
        lambda: stack.passports.issue(agent, intent="x", services=["github"], mission_ids=[mission_id]),
    ):
        try:
            work()
            raise SystemExit("the mission has ended")
        except MissionEndedError as error:
            assert (error.mission_id, error.mission_state) == (mission_id, "completed"), error
    activity = eventually(lambda: (lambda one: one if len(one["items"]) >= 4 else None)(stack.missions.activity(mission_id)))
    assert activity["items"][0]["type"] == "mission.opened"
    assert stack.missions.list_operator_reviews(mission_id)["items"] == []
    refused(NotFoundError, "NOT_FOUND", lambda: stack.missions.replay("ms_unknown"))
    step("missions")
else:
    opened = [one for one in stack.missions.list(limit=50)["items"] if one["implicit"]]
    assert opened, "passports without a mission of their own have implicit ones"
    step("missions")

last = issue()
checkpoint = stack.passports.checkpoint(last.jti, services_used=["github"], actions_count=0)
assert checkpoint.checkpoint_id and checkpoint.new_expires_at is None
out = stack.passports.checkout(last.jti, services_used=["github"], actions_count=0, summary="done")
report = stack.passports.report(last.jti)
assert report.checkout["checkout_id"] == out.checkout_id and len(report.checkpoints) == 1
assert stack.passports.revoke_agent(agent)["type"] == "bulk_agent"
assert stack.passports.revoke_all(reason="over")["type"] == "bulk_operator"
step("report")
