"""The published client, unmodified, sync or async (MODE): every public method of its passports, missions and reviews services, and the keys that it reads.

Fails for a method that was not called: what a later version adds has to be walked too. Prints a JSON line per step.
"""

import asyncio
import inspect
import json
import os
from contextlib import asynccontextmanager

import getstack
from getstack import AsyncStack, Stack, verify_passport_header
from getstack.errors import NotFoundError, StackError, UnauthorizedError

BASE = os.environ["STACK_BASE_URL"]
KEY = os.environ["STACK_API_KEY"]
ASYNC = os.environ["MODE"] == "async"
MISSIONS = not getstack.__version__.startswith("1.")
URL = "https://api.github.com/repos/acme/sandbox/issues"
INTENT = "Triage open issues in acme/sandbox"
called = set()


def step(name, value=True):
    print(json.dumps({"step": name, "value": value}), flush=True)


async def of(value):
    return await value if inspect.isawaitable(value) else value


class Counted:
    """A service of the client whose public methods are counted when they are called."""

    def __init__(self, name, service):
        self._name, self._service = name, service

    def __getattr__(self, method):
        called.add("%s.%s" % (self._name, method))
        return getattr(self._service, method)


def public(name, service):
    return {"%s.%s" % (name, one) for one, _ in inspect.getmembers(type(service), callable) if not one.startswith("_")}


@asynccontextmanager
async def entered(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def following(rotation):
    return await rotation.__anext__() if hasattr(rotation, "__anext__") else next(rotation)


async def closed(rotation):
    return await rotation.aclose() if hasattr(rotation, "aclose") else rotation.close()


async def eventually(probe):
    for _ in range(100):
        value = await probe()
        if value:
            return value
        await asyncio.sleep(0.2)
    raise SystemExit("never became true: %s" % probe)


async def refused(kind, code, work):
    try:
        await of(work())
    except kind as error:
        assert error.code == code, error
        return error
    raise SystemExit("%s was not raised" % code)


def keys(answer, *wanted):
    missing = [key for key in wanted if key not in answer]
    assert not missing, (missing, answer)
    return answer


async def main():
    stack = (AsyncStack if ASYNC else Stack)(KEY, base_url=BASE)
    passports, missions, reviews = (Counted(name, getattr(stack, name)) for name in ("passports", "missions", "reviews"))
    name = "every-%s-%s" % (os.environ["MODE"], getstack.__version__.replace(".", "-"))
    agent = (await of(stack.agents.register(name=name, accountability_mode="logged"))).id
    child = (await of(stack.agents.register(name=name + "-child", accountability_mode="logged"))).id

    async def opened(**more):
        fields = {"intent_services": ["github"], "agent_id": agent, **more}
        if not MISSIONS:
            fields.pop("agent_id")
        return await of(missions.open(INTENT, **fields))

    async def issued(**more):
        if MISSIONS:
            more["mission_ids"] = [(await opened())["mission_id"]]
        return await of(passports.issue(agent, intent=INTENT, services=["github"], **more))

    async def proxied(token):
        return await of(stack.proxy.get("github", URL, passport_token=token))

    step("version", getstack.__version__)

    everything = await opened(
        expected_counterparties=["acme"],
        baseline_profile={"calls": 3},
        expected_output_shape={"closed": "int"},
        max_actions=7,
        max_dropoff_bytes=10,
        coverage_cap_cents=5,
        max_duration_seconds=600,
        max_concurrent_intents=2,
        max_actions_per_service={"github": 6},
        cap_behavior={"max_actions": "flag"},
        expires_in_seconds=1200,
        parent_passport_services=["github"],
        limits={"max_bytes": 9},
        requested_access=[],
        requested_operations=[],
        authority_binding_ids=[],
        idempotency_key=name,
    )
    keys(everything, "mission_id", "claim_id", "expires_at")
    seen = await of(missions.get(everything["mission_id"]))
    assert seen["caps"] == {
        "max_actions": 7,
        "max_actions_per_service": {"github": 6},
        "max_duration_seconds": 600,
        "max_concurrent_intents": 2,
    }, seen["caps"]
    assert (seen["cap_behavior"], seen["limits"]) == ({"max_actions": "flag"}, {"max_bytes": 9})
    assert (seen["expected_counterparties"], seen["baseline_profile"], seen["expected_output_shape"]) == (["acme"], {"calls": 3}, {"closed": "int"})
    assert (seen["max_dropoff_bytes"], seen["coverage_cap_cents"], seen["parent_passport_services"]) == (10, 5, ["github"])
    await refused(StackError, "INVALID_REQUEST", lambda: missions.open(INTENT, fleet_policy_id="fp_1"))
    step("open")

    body = {"intent_summary": INTENT, "intent_services": ["github"]}
    request = {"agent_id": agent, "mission": body, "passport": {"ttl_seconds": 120}}
    started = await of(missions.start(**request) if MISSIONS else missions.start(request))
    keys(started, "mission_id", "claim_id", "expires_at")
    keys(started["passport"], "token", "jti", "expires_at")
    mission_id = started["mission_id"]
    renewed = keys(await of(missions.renew(mission_id)), "mission_id", "claim_id", "expires_at", "passport")
    assert renewed["mission_id"] == mission_id and renewed["passport"]["jti"] != started["passport"]["jti"]
    step("start")

    listed = await eventually(
        lambda: found(missions, mission_id, status="open", page=1, limit=50)
    )
    assert listed["agent_id"] == agent
    activity = await eventually(lambda: items(missions.activity(mission_id)))
    assert [one["type"] for one in activity][0] == "mission.opened"
    keys(activity[0], "at", "type", "entry_id", "jti", "summary")
    assert (await of(missions.replay(mission_id)))["items"][0] == activity[0]
    assert await of(missions.list_operator_reviews(mission_id)) == {"items": []}
    assert await of(missions.list_dossiers(mission_id)) == {"items": []}
    await refused(NotFoundError, "NOT_FOUND", lambda: missions.download_operator_review(mission_id, "aud_1"))
    output = {"closed": 3}
    ended = await of(missions.complete(mission_id, output=output))
    keys(ended, "mission_id", "claim_id", "terminal_state", "completed_at", "transitioned")
    assert (ended["transitioned"], ended["terminal_state"]) == (True, "completed_successful")
    revoked = await of(missions.revoke(everything["mission_id"], reason="operator_initiated_clean", notes="n" * 5000))
    keys(revoked, "mission_id", "claim_id", "terminal_state", "revoked_at", "transitioned")
    step("missions")

    passport = await issued(
        will_delegate=True,
        estimated_duration="10m",
        checkpoint_interval="5m",
        ttl_seconds=300,
        scopes=[{"service": "github", "constraints": [{"path": "method", "op": "eq", "value": "GET"}]}],
    )
    assert passport.jti and passport.expires_at and passport.accountability == "logged"
    assert (await proxied(passport.token)).ok()
    verified = await of(passports.verify(passport.token))
    assert verified["valid"] is True and verified["claims"]["jti"] == passport.jti
    claims = verify_passport_header(passport.token, base_url=BASE, issuer=BASE)
    assert (claims["stk"]["agent_id"], claims["stk"]["session_id"]) == (agent, verified["session_id"])
    live = await eventually(lambda: nonempty(passports.list_active(agent_id=agent, session_id=verified["session_id"])))
    assert [one["jti"] for one in live] == [passport.jti]
    below = await of(passports.delegate(passport.token, child, scopes=["github"], ttl_seconds=120))
    assert (await proxied(below.token)).ok()
    fresh = await of(passports.refresh(passport.token, ttl_seconds=240))
    call = {"service": "github", "method": "GET", "target": URL}
    checkpoint = await of(
        passports.checkpoint(
            fresh.jti, services_used=["github"], actions_count=1, tool_calls=[call], summary="half", delegated_to=[child]
        )
    )
    assert checkpoint.checkpoint_id and checkpoint.passport_jti == fresh.jti and checkpoint.flags == []
    out = await of(
        passports.checkout(fresh.jti, services_used=["github"], actions_count=1, tool_calls=[call], summary="done", delegated_to=[child])
    )
    assert out.checkout_id and out.passport_jti == fresh.jti and out.review_status == "clean" and out.flags == []
    report = await of(passports.report(fresh.jti))
    assert report.passport["jti"] == fresh.jti and report.intent["estimated_duration_s"] == 600
    assert (report.checkpoints[0]["summary"], report.checkout["summary"], report.review) == ("half", "done", None)
    await refused(UnauthorizedError, "PASSPORT_REVOKED", lambda: stack.proxy.get("github", URL, passport_token=below.token))
    step("life")

    one = await issued()
    session_id = (await of(passports.verify(one.token)))["session_id"]
    keys(await of(passports.revoke_session(session_id, reason="session")), "type", "session_id", "revoked_count", "reason", "at", "operator_id")
    other = await issued()
    assert keys(await of(passports.revoke(other.jti, reason="one")), "type", "jti", "cascaded", "reason", "at")["revoked"] is True
    third = await issued()
    keys(await of(passports.revoke_agent(agent, reason="agent")), "type", "agent_id", "revoked_count", "cascaded_count", "reason", "at")
    for dead, reason in ((one, "session"), (other, "one"), (third, "agent")):
        verdict = await of(passports.verify(dead.token))
        assert (verdict["valid"], verdict["code"], verdict["reason"]) == (False, "PASSPORT_REVOKED", reason), verdict
    step("revoke")

    bound = {"mission_id": (await opened())["mission_id"]} if MISSIONS else {}
    async with entered(passports.mission(agent_id=agent, intent=INTENT, services=["github"], **bound)) as mission:
        mission.log("github", "GET", URL)
        assert (await proxied(mission.token)).ok()
    assert mission.review_status in ("clean", "flagged")
    if MISSIONS:
        assert (await of(missions.get(bound["mission_id"])))["status"] == "open", "it was not the mission of the block"
    try:
        async with entered(passports.mission(agent_id=agent, intent=INTENT, services=["github"])) as failing:
            raise RuntimeError("the work failed")
    except RuntimeError:
        pass
    report = await of(passports.report(failing.passport.jti))
    assert (report.checkout["outcome"], report.checkout["summary"]) == ("failed", "Mission failed: RuntimeError: the work failed")
    if MISSIONS:
        assert (await of(missions.get(failing.mission_id)))["status"] == "revoked"
    step("mission")

    rotation = passports.continuous_mission(agent_id=agent, intent=INTENT, services=["github"], rotation_interval="1s")
    first = await following(rotation)
    assert (await proxied(first.token)).ok()
    await eventually(lambda: of(first.should_rotate))
    second = await following(rotation)
    assert second.rotation_count == 1 and second.passport.jti != first.passport.jti
    await refused(UnauthorizedError, "PASSPORT_REVOKED", lambda: stack.proxy.get("github", URL, passport_token=first.token))
    assert (await proxied(second.token)).ok()
    await closed(rotation)
    if MISSIONS:
        assert second.mission_id == first.mission_id
        assert (await of(missions.get(first.mission_id)))["status"] == "completed"
    step("continuous_mission")

    bad = await issued()
    try:
        await of(stack.proxy.get("notion", "https://api.notion.com/v1/users/me", passport_token=bad.token))
        raise SystemExit("a service outside the scope passed")
    except StackError as error:
        assert error.code == "FORBIDDEN", error
    checkout = await of(passports.checkout(bad.jti, services_used=["github"], actions_count=1))
    assert checkout.review_status == "flagged" and checkout.flags[0]["severity"] == "warning", checkout
    for flag in checkout.flags:
        assert set(flag) == {"type", "severity", "message"} and all(isinstance(value, str) for value in flag.values())

    async def queued():
        queue = await of(reviews.list(status="flagged", page=1, limit=20))
        mine = [item for item in queue.items if item.checkout_id == checkout.checkout_id]
        assert queue.total >= len(queue.items) >= len(mine)
        return mine

    item = (await eventually(queued))[0]
    assert (item.passport_jti, item.agent_id, item.agent_name, item.intent_summary) == (bad.jti, agent, name, INTENT)
    assert (item.review_status, item.flags) == ("flagged", checkout.flags) and item.submitted_at.endswith("Z")
    decided = await of(reviews.decide(checkout.checkout_id, "blocked", notes="off-script", block_future=True))
    assert (decided.agent_id, decided.decision, decided.passport_blocked) == (agent, "blocked", True) and decided.review_id
    assert (await of(stack.agents.get(agent))).status == "suspended"
    lifted = await of(reviews.decide(checkout.checkout_id, "approved", governance_approval_id="apr_1"))
    assert (lifted.decision, lifted.passport_blocked) == ("approved", False)
    assert (await of(passports.report(bad.jti))).review["decision"] == "approved"
    step("reviews")

    keys(await of(passports.revoke_all(reason="over")), "type", "operator_id", "revoked_count", "reason", "at")
    wanted = public("passports", stack.passports) | public("missions", stack.missions) | public("reviews", stack.reviews)
    assert not wanted - called, wanted - called
    step("every_method", len(wanted))
    await of(stack.close()) if hasattr(stack, "close") else None


async def found(missions, mission_id, **query):
    return next((one for one in (await of(missions.list(**query)))["items"] if one["mission_id"] == mission_id), None)


async def items(answer):
    given = (await of(answer))["items"]
    return given if len(given) >= 4 else None


async def nonempty(answer):
    return await of(answer)


asyncio.run(main())
