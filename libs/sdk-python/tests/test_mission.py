"""The life of a mission, sync (api.md §7, §20)."""

from __future__ import annotations

import threading
from typing import List

import pytest

from sallyport import (
    ConflictError,
    Mission,
    MissionEndedError,
    PassportRevokedError,
    ServerError,
    Stack,
    ValidationError,
)

from . import vectors
from .conftest import until
from .fake_server import FakeServer, refusal

URL = "https://api.github.com/repos/acme/sandbox/issues"
COMPLETE, REVOKE = f"/v1/missions/{vectors.MISSION_ID}/complete", f"/v1/missions/{vectors.MISSION_ID}/revoke"


@pytest.fixture
def stack(server: FakeServer) -> Stack:
    return Stack(vectors.API_KEY, base_url=server.base_url)


def paths(server: FakeServer) -> List[str]:
    return [request.path for request in server.received]


def jti_of(mission: Mission) -> str:
    assert mission.passport is not None
    return mission.passport.jti


def test_a_mission_opens_on_entering_and_is_checked_out_and_completed_on_leaving(server: FakeServer, stack: Stack) -> None:
    manager = stack.passports.mission(
        vectors.AGENT_ID, "Triage", ["github"], checkpoint_interval="5m", estimated_duration="30m"
    )
    assert server.received == []
    with manager as mission:
        assert mission.mission_id == vectors.MISSION_ID and mission.session_id == vectors.SESSION_ID
        mission.proxy("github", URL + "?state=open", query={"page": 1})
        mission.log("github", "read_file", "README.md")
        mission.delegate("agt_child")
        jti = jti_of(mission)
    start, proxied, checkout, complete = server.received
    assert start.body == {
        "agent_id": vectors.AGENT_ID,
        "mission": {"intent_summary": "Triage", "intent_services": ["github"], "expires_in_seconds": 1800},
        "passport": {
            "intent": {
                "summary": "Triage",
                "services": ["github"],
                "will_delegate": False,
                "estimated_duration_seconds": 1800,
            },
            "checkpoint_interval_seconds": 300,
        },
    }
    assert proxied.body == {"service": "github", "url": URL + "?state=open", "method": "GET", "query": {"page": 1}}
    assert checkout.path == f"/v1/passports/{jti}/checkout" and checkout.body == {
        "services_used": ["github"],
        "actions_count": 2,
        "tool_calls": [
            {"service": "github", "method": "GET", "target": URL},
            {"service": "github", "method": "read_file", "target": "README.md"},
        ],
        "delegated_to": ["agt_child"],
    }
    assert complete.path == COMPLETE and complete.body == {}
    assert mission.review_status == "clean" and mission.result is not None and not mission.revoked


def test_after_an_exception_the_mission_is_revoked_and_the_exception_goes_on(server: FakeServer, stack: Stack) -> None:
    server.script("POST", REVOKE, refusal("INTERNAL_ERROR", status=500))
    with pytest.raises(ZeroDivisionError):
        with stack.passports.mission(vectors.AGENT_ID, "x", []):
            raise ZeroDivisionError("by zero")
    checkout, revoke = server.received[1:]
    note = "Mission failed: ZeroDivisionError: by zero"
    assert checkout.body == {"services_used": [], "actions_count": 0, "summary": note}
    assert revoke.path == REVOKE and revoke.body == {"reason": "operator_initiated_clean", "notes": note}


def test_a_mission_that_cannot_be_completed_raises_but_a_failed_checkout_does_not(server: FakeServer, stack: Stack) -> None:
    server.script("POST", COMPLETE, refusal("INTERNAL_ERROR", status=500))
    with pytest.raises(ServerError):
        with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
            server.script("POST", f"/v1/passports/{jti_of(mission)}/checkout", refusal("CONFLICT", status=409))
    assert mission.result is None and mission.review_status is None


def test_a_given_mission_gets_a_passport_and_stays_open(server: FakeServer, stack: Stack) -> None:
    with stack.passports.mission(vectors.AGENT_ID, "x", ["github"], mission_id="ms_given"):
        pass
    issue = server.received[0]
    assert issue.path == "/v1/passports/issue" and issue.body["mission_ids"] == ["ms_given"]
    assert [path.rsplit("/", 1)[1] for path in paths(server)] == ["issue", "checkout"]


def test_a_mission_object_is_entered_once_and_works_inside_only(stack: Stack) -> None:
    mission = stack.passports.mission(vectors.AGENT_ID, "x", [])
    with pytest.raises(RuntimeError):
        mission.proxy("github", URL)
    with mission:
        pass
    with pytest.raises(RuntimeError):
        mission.proxy("github", URL)
    with pytest.raises(RuntimeError):
        with mission:
            pass


def test_what_refuses_the_start_is_raised_on_entering(server: FakeServer, stack: Stack) -> None:
    server.script("POST", "/v1/missions/start", refusal("ACCOUNTABILITY_REQUIRED", status=400))
    with pytest.raises(ValidationError):
        with stack.passports.mission(vectors.AGENT_ID, "", []):
            pass
    assert len(server.received) == 1


def test_rules_caps_and_presets_reach_the_wire(server: FakeServer, stack: Stack) -> None:
    rule = {"path": "url.pathname", "op": "starts_with", "value": "/repos/acme/"}
    with stack.passports.mission(
        vectors.AGENT_ID,
        "x",
        ["github", "slack"],
        checkpoint_interval="frequent",
        expires_in=7200,
        ttl_seconds=600,
        constraints={"github": [rule]},
        named_intents={"slack": ["slack:messages:post"]},
        caps={"max_actions": 5},
    ):
        pass
    body = server.received[0].body
    assert body["mission"]["max_actions"] == 5 and body["mission"]["expires_in_seconds"] == 7200
    assert body["passport"]["checkpoint_interval_seconds"] == 120 and body["passport"]["ttl_seconds"] == 600
    assert body["passport"]["scopes"] == [
        {"service": "github", "constraints": [rule]},
        {"service": "slack", "any_intents": ["slack:messages:post"]},
    ]
    with pytest.raises(ValueError):
        stack.passports.mission(vectors.AGENT_ID, "x", ["github"], constraints={"githbu": [rule]})


@pytest.mark.parametrize("url", ["/repos/acme", "api.github.com/x", "//api.github.com/x", "", "https://"])
def test_a_relative_url_is_refused_without_a_request(server: FakeServer, stack: Stack, url: str) -> None:
    with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
        with pytest.raises(ValueError):
            mission.proxy("github", url)
        assert len(server.received) == 1


def test_every_call_but_get_is_an_operation_told_before_it_is_sent(server: FakeServer, stack: Stack) -> None:
    told: List[str] = []

    def tell(operation_id: str) -> None:
        told.append(operation_id)
        assert len(server.calls("POST", "/v1/proxy")) == len(told) - 1

    with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
        posted = mission.proxy("github", URL, "POST", body={"title": "t"}, on_operation_id=tell, approval_id="int_1")
        server.script("POST", "/v1/proxy", refusal("CONFLICT", status=409, reason="operation_in_progress"))
        with pytest.raises(ConflictError) as refused:
            mission.proxy("github", URL, "POST", on_operation_id=tell)
        assert mission.proxy("github", URL).operation_id is None
        with pytest.raises(ValueError):
            mission.proxy("github", URL, authority_request_id="short")
    first = server.calls("POST", "/v1/proxy")[0]
    assert posted.operation_id == told[0] == first.headers["x-stack-authority-request-id"] and len(told[0]) == 24
    assert refused.value.operation_id == told[1] != told[0]
    assert first.headers["x-intent-approval-id"] == "int_1" and first.headers["x-passport-token"]
    assert posted.ok() and posted.json() == posted.body and (posted.body_kind, posted.entry_id) == ("json", "aud_3")


def test_a_revocation_by_any_client_of_this_process_stops_the_mission_at_once(server: FakeServer, stack: Stack) -> None:
    with pytest.raises(PassportRevokedError) as refused:
        with Stack("another", base_url=server.base_url).passports.mission(vectors.AGENT_ID, "x", []) as mission:
            mission.proxy("github", URL)
            stack.passports.revoke(jti_of(mission), reason="off-script")
            assert mission.revoked
            mission.proxy("github", URL)
    assert refused.value.reason == "off-script"
    assert len(server.calls("POST", "/v1/proxy")) == 1


def test_after_the_server_refused_a_revoked_passport_no_further_request_is_made(server: FakeServer, stack: Stack) -> None:
    with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
        server.revoked[jti_of(mission)] = "scope_drift_fire: x"
        for _ in range(3):
            with pytest.raises(PassportRevokedError) as refused:
                mission.proxy("github", URL)
            assert refused.value.reason == "scope_drift_fire: x"
        with pytest.raises(PassportRevokedError):
            mission.checkpoint()
    assert len(server.calls("POST", "/v1/proxy")) == 1


def test_other_missions_are_not_touched_by_a_revocation(server: FakeServer, stack: Stack) -> None:
    with stack.passports.mission(vectors.AGENT_ID, "x", []) as one, stack.passports.mission(vectors.AGENT_ID, "y", []) as two:
        stack.passports.revoke(jti_of(one))
        assert one.revoked and not two.revoked
        stack.agents.suspend(vectors.AGENT_ID)
        assert two.revoked


def test_checkpoints_go_out_by_themselves_and_replace_the_token(server: FakeServer, stack: Stack) -> None:
    server.checkpoint_interval = 1
    with stack.passports.mission(vectors.AGENT_ID, "x", ["github"]) as mission:
        first = mission.token
        checkpoint = f"/v1/passports/{jti_of(mission)}/checkpoint"
        server.script("POST", checkpoint, refusal("RATE_LIMITED", status=503))
        mission.log("github", "GET", "a")
        until(lambda: len(server.calls("POST", checkpoint)) >= 2)
        until(lambda: mission.token != first)
        mission.log("github", "GET", "b")
        until(lambda: len(server.calls("POST", checkpoint)) >= 3)
        counts = [call.body["actions_count"] for call in server.calls("POST", checkpoint)[:3]]
        assert counts == [1, 1, 1]  # the refused one is told again, then only what is new
        mission.proxy("github", URL)
        assert server.calls("POST", "/v1/proxy")[0].headers["x-passport-token"] != first
    assert not [thread for thread in threading.enumerate() if thread.name == "sallyport-checkpoints"]


def test_a_checkpoint_that_revokes_stops_the_mission(server: FakeServer, stack: Stack) -> None:
    with stack.passports.mission(vectors.AGENT_ID, "x", []) as mission:
        answer = {"checkpoint_id": "c", "passport_jti": "p", "flags": ["undeclared"], "token": None, "revoked": True}
        server.script("POST", f"/v1/passports/{jti_of(mission)}/checkpoint", (200, answer, {}))
        assert mission.checkpoint("half way").flags == ["undeclared"]
        assert mission.revoked
        with pytest.raises(PassportRevokedError):
            mission.proxy("github", URL)


@pytest.mark.parametrize(("mode", "auto"), [("standard", True), ("logged", True), ("enforced", False)])
def test_no_checkpoints_where_none_are_due(server: FakeServer, stack: Stack, mode: str, auto: bool) -> None:
    server.accountability = mode
    with stack.passports.mission(vectors.AGENT_ID, "x", [], auto_checkpoint=auto):
        assert not [thread for thread in threading.enumerate() if thread.name == "sallyport-checkpoints"]


def test_a_continuous_mission_rotates_passports_within_one_mission(server: FakeServer, stack: Stack) -> None:
    seen = []
    missions = stack.passports.continuous_mission(vectors.AGENT_ID, "x", ["github"], rotation_interval=0, expires_in="1h")
    for mission in missions:
        assert mission.should_rotate
        seen.append((mission.rotation_count, mission.mission_id, jti_of(mission)))
        if len(seen) == 3:
            break
    missions.close()
    assert [turn for turn, _, _ in seen] == [0, 1, 2] and {owner for _, owner, _ in seen} == {vectors.MISSION_ID}
    assert len({jti for _, _, jti in seen}) == 3
    ends = [path.rsplit("/", 1)[1] for path in paths(server)]
    assert ends == ["start", "checkout", "issue", "checkout", "issue", "checkout", "complete"]
    assert all("summary" not in request.body for request in server.received if request.path.endswith("checkout"))


def test_a_continuous_mission_ends_with_its_mission(server: FakeServer, stack: Stack) -> None:
    ended = refusal("MISSION_ENDED", "Mission ms_1 has expired", 403, mission_id="ms_1", mission_state="expired")
    server.script("POST", "/v1/passports/issue", ended)
    with pytest.raises(MissionEndedError) as refused:
        for _ in stack.passports.continuous_mission(vectors.AGENT_ID, "x", [], rotation_interval=0):
            pass
    assert refused.value.mission_state == "expired" and paths(server)[-1] == REVOKE


def test_issue_takes_exactly_one_mission(server: FakeServer, stack: Stack) -> None:
    for mission_ids in (None, [], ["ms_1", "ms_2"], [""]):
        with pytest.raises(ValueError):
            stack.passports.issue(vectors.AGENT_ID, mission_ids=mission_ids)
        with pytest.raises(ValueError):
            stack.issue_passport(agent_id=vectors.AGENT_ID, mission_ids=mission_ids)
    assert server.received == []


def test_a_session_refreshes_its_passport_when_little_of_it_is_left(server: FakeServer, stack: Stack) -> None:
    session = stack.issue_passport(agent_id=vectors.AGENT_ID, mission_ids=[vectors.MISSION_ID], ttl_seconds=300)
    first = session.token
    assert session.get_token() == first and len(server.received) == 1
    assert session.get_token(grace_seconds=600) != first
    refresh = server.received[1]
    assert refresh.path == "/v1/passports/refresh" and refresh.body == {"token": first, "ttl_seconds": 300}
    assert first not in repr(session)


def test_delegation_copies_the_parents_scopes(server: FakeServer, stack: Stack) -> None:
    parent = server.token()
    stack.passports.delegate(parent, "agt_child")
    stack.passports.delegate(parent, "agt_child", ["slack"])
    stack.passports.delegate(parent, "agt_child", [{"service_connection_id": "scon_9", "scopes": []}])
    github = {"service_connection_id": "scon_1", "scopes": ["repo"], "constraints": []}
    slack = {"service_connection_id": "scon_2", "scopes": ["chat"]}
    sent = [call.body["scopes"] for call in server.received]
    assert sent == [[github, slack], [slack], [{"service_connection_id": "scon_9", "scopes": []}]]
    with pytest.raises(ValueError):
        stack.passports.delegate(parent, "agt_child", ["notion"])
