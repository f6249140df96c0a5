"""Repeats, idempotency keys, positions, and the map from refusals to errors (api.md §1.5, §1.7, §2, §20)."""

from __future__ import annotations

import socket
from typing import Any, Dict, Type

import httpx
import pytest

import sallyport
from sallyport import Stack, StackConnectionError, StackError, StackTimeoutError
from sallyport._calls import Call, creating, may_repeat, pause_seconds, timeouts
from sallyport.errors import RateLimitError

from . import vectors
from .fake_server import FakeServer, refusal

URL = "https://api.github.com/repos/acme/sandbox/issues"


@pytest.fixture
def stack(server: FakeServer) -> Stack:
    return Stack(vectors.API_KEY, base_url=server.base_url)


def test_a_read_is_repeated_and_a_change_is_not(server: FakeServer, stack: Stack, quick: list[float]) -> None:
    busy = refusal("OVERLOADED", status=503)
    server.script("GET", "/v1/agents", busy, busy)
    server.script("PATCH", f"/v1/agents/{vectors.AGENT_ID}", busy)
    assert stack.agents.list()[0].id == vectors.AGENT_ID
    assert len(quick) == 2 and quick[0] <= 0.25 and quick[1] <= 0.5
    with pytest.raises(sallyport.ServiceUnavailableError):
        stack.agents.update(vectors.AGENT_ID, description="x")
    assert len(server.calls("PATCH", f"/v1/agents/{vectors.AGENT_ID}")) == 1


def test_repeats_end_after_max_retries(server: FakeServer, quick: list[float]) -> None:
    server.script("GET", "/v1/agents", *[refusal("X", status=502)] * 9)
    with pytest.raises(sallyport.UpstreamError):
        Stack("k", base_url=server.base_url, max_retries=4).agents.list()
    assert len(server.received) == 5
    with pytest.raises(sallyport.UpstreamError):
        Stack("k", base_url=server.base_url, max_retries=0).agents.list()
    assert len(server.received) == 6


def test_a_creating_post_repeats_under_one_idempotency_key(server: FakeServer, stack: Stack, quick: list[float]) -> None:
    server.script("POST", "/v1/agents/register", (0, None, {}), refusal("AUDIT_UNAVAILABLE", status=503))
    stack.agents.register("bot")
    stack.agents.register("bot")
    keys = [call.headers["idempotency-key"] for call in server.calls("POST", "/v1/agents/register")]
    assert len(keys) == 4 and len(set(keys)) == 2 and keys[0] == keys[2]


def test_a_callers_own_idempotency_key_is_the_only_one(server: FakeServer, stack: Stack) -> None:
    stack.missions.open("x", idempotency_key="mine")
    assert "idempotency-key" not in server.received[0].headers and server.received[0].body["idempotency_key"] == "mine"


def test_retry_after_is_obeyed_up_to_thirty_seconds(server: FakeServer, stack: Stack, quick: list[float]) -> None:
    limited = refusal("RATE_LIMITED", status=429)
    server.script("GET", "/v1/agents", (*limited[:2], {"Retry-After": "7"}), (*limited[:2], {"Retry-After": "31"}))
    with pytest.raises(RateLimitError) as refused:
        stack.agents.list()
    assert quick == [7.0] and refused.value.retry_after == 31.0 and len(server.received) == 2


def test_proxied_calls_are_not_repeated_but_for_a_get_that_was_not_sent(
    server: FakeServer, stack: Stack, quick: list[float]
) -> None:
    busy, broken = refusal("OVERLOADED", status=503), refusal("UPSTREAM_UNREACHABLE", status=502)
    server.script("POST", "/v1/proxy", busy)
    assert stack.proxy.get("github", URL, passport_token="x").ok()
    for method, reply in (("POST", busy), ("GET", broken), ("GET", (0, None, {}))):
        before = len(server.received)
        server.script("POST", "/v1/proxy", reply)
        with pytest.raises(StackError):
            stack.proxy.request("github", URL, method, passport_token="x")
        assert len(server.received) == before + 1


def test_a_refused_connection_is_a_connection_error_without_the_request(home: Any, quick: list[float]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    stack = Stack(vectors.API_KEY, base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(StackConnectionError) as refused:
        stack.proxy.get("github", URL, passport_token="p")
    assert len(quick) == 2 and refused.value.unsent and refused.value.status_code == 0
    assert refused.value.__cause__ is None and refused.value.__context__ is None


def test_an_answer_that_does_not_come_is_a_timeout_and_not_repeated(home: Any, quick: list[float]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        stack = Stack("k", base_url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1)
        with pytest.raises(StackTimeoutError):
            stack.agents.list()
    assert quick == []


def test_pauses_are_full_jitter_under_a_doubling_ceiling() -> None:
    failure = StackConnectionError()
    assert [pause_seconds(attempt, failure, 1.0) for attempt in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert pause_seconds(3, failure, 0.0) == 0.0
    assert not may_repeat(Call("POST", "/x"), failure) and may_repeat(creating("/x"), failure)


def test_timeouts_are_those_of_the_kind_of_call() -> None:
    control, proxied = timeouts(Call("GET", "/x"), 30.0), timeouts(Call("POST", "/x", timeout_seconds=45.0), 30.0)
    assert (control.connect, control.read) == (5.0, 30.0) and (proxied.connect, proxied.read) == (5.0, 45.0)


def test_reads_wait_for_the_highest_position_seen_at_that_server(server: FakeServer, stack: Stack) -> None:
    server.seq = 40
    stack.agents.register("bot")
    server.seq = 10
    stack.agents.update(vectors.AGENT_ID, description="x")
    Stack("another", base_url=server.base_url).agents.list()
    *writes, read = server.received
    assert read.headers["x-min-event-seq"] == "41"
    assert all("x-min-event-seq" not in write.headers for write in writes)


@pytest.mark.parametrize(
    ("status", "code", "metadata", "kind", "attributes"),
    [
        (400, "SCOPE_ESCALATION", {}, sallyport.ValidationError, {}),
        (413, "PAYLOAD_TOO_LARGE", {}, sallyport.ValidationError, {}),
        (415, "UNSUPPORTED_MEDIA_TYPE", {}, sallyport.ValidationError, {}),
        (401, "INVALID_API_KEY", {}, sallyport.UnauthorizedError, {}),
        (401, "PASSPORT_EXPIRED", {}, sallyport.PassportExpiredError, {}),
        (401, "PASSPORT_REVOKED", {"reason": "off-script"}, sallyport.PassportRevokedError, {"reason": "off-script"}),
        (403, "FORBIDDEN", {"reason": "role"}, sallyport.ForbiddenError, {}),
        (403, "PASSPORT_BLOCKED", {}, sallyport.PassportBlockedError, {}),
        (403, "FORBIDDEN", {"gate_reason": "call_mismatch"}, sallyport.ApprovalGateError, {"gate_reason": "call_mismatch"}),
        (403, "DESTINATION_FORBIDDEN", {}, sallyport.DestinationForbiddenError, {}),
        (403, "FORBIDDEN", {"reason": "mission_cap"}, sallyport.MissionCapError, {}),
        (
            404,
            "MISSION_ENDED",
            {"mission_id": "ms_1", "mission_state": "not_found"},
            sallyport.MissionEndedError,
            {"mission_id": "ms_1", "mission_state": "not_found"},
        ),
        (404, "NOT_FOUND", {}, sallyport.NotFoundError, {}),
        (405, "METHOD_NOT_ALLOWED", {}, StackError, {}),
        (409, "CONFLICT", {"reason": "in_use"}, sallyport.ConflictError, {}),
        (500, "INTERNAL_ERROR", {}, sallyport.ServerError, {}),
        (504, "UPSTREAM_TIMEOUT", {}, sallyport.UpstreamError, {}),
    ],
)
def test_each_refusal_has_its_class(
    server: FakeServer,
    stack: Stack,
    quick: list[float],
    status: int,
    code: str,
    metadata: Dict[str, Any],
    kind: Type[StackError],
    attributes: Dict[str, Any],
) -> None:
    server.script("DELETE", f"/v1/agents/{vectors.AGENT_ID}", refusal(code, "The reason.", status, **metadata))
    with pytest.raises(StackError) as refused:
        stack.agents.delete(vectors.AGENT_ID)
    error = refused.value
    assert type(error) is kind and (error.code, error.status_code, str(error)) == (code, status, "The reason.")
    assert error.request_id == "req_2" and {**error.details} == {**error.metadata}
    assert {name: getattr(error, name) for name in attributes} == attributes


@pytest.mark.parametrize("body", [b"<html>secret-page</html>", b"[1]", b'{"error":[]}', b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_envelope_is_not_repeated_to_the_caller(
    server: FakeServer, stack: Stack, body: bytes
) -> None:
    server.script("POST", "/v1/passports/revoke", (500, body, {"X-Request-Id": "req_7"}), (200, body, {}))
    with pytest.raises(sallyport.ServerError) as refused:
        stack.passports.revoke("ppt_1")
    assert "secret-page" not in str(refused.value) and refused.value.request_id == "req_7"


def test_a_redirect_is_not_followed(server: FakeServer, stack: Stack) -> None:
    server.script("GET", "/v1/agents", (302, {}, {"Location": "/v1/elsewhere"}))
    with pytest.raises(StackError):
        stack.agents.list()
    assert len(server.received) == 1


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_cannot_name_another_endpoint(stack: Stack, bad: str) -> None:
    with pytest.raises(ValueError):
        stack.agents.get(bad)


def test_an_id_is_one_path_segment(server: FakeServer, stack: Stack) -> None:
    stack.agents.get("a/../b?c")
    assert server.received[0].path == "/v1/agents/a%2F..%2Fb%3Fc"


def test_a_body_that_is_not_json_is_refused_before_it_is_sent(server: FakeServer, stack: Stack) -> None:
    for body in (float("nan"), {"x": object()}, "\ud800"):
        with pytest.raises(ValueError):
            stack.proxy.post("github", URL, body=body, passport_token="x")
    assert server.received == []


def test_a_given_http_client_is_used_and_not_closed(server: FakeServer) -> None:
    with httpx.Client(headers={"X-Theirs": "1"}) as theirs:
        with Stack("k", base_url=server.base_url, http_client=theirs) as stack:
            stack.agents.list()
        assert not theirs.is_closed and server.received[0].headers["x-theirs"] == "1"


def test_answers_are_mappings_with_attributes(stack: Stack) -> None:
    agent = stack.agents.register("bot")
    assert agent["id"] == agent.id and agent.created_by.type == agent["created_by"]["type"] == "member"
    assert agent.passport_blocked_reason is None and "passport_blocked_reason" not in agent
    with pytest.raises(AttributeError):
        agent.no_such_field
