"""Agent keys: enrolment, the key file, assertions (api.md §3.3, §3.5, §5.2)."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sallyport import Stack, StackConfigError
from sallyport import _base64url as base64url
from sallyport import _jws as jws
from sallyport._agent_key import AgentKey, load_agent_key, store_agent_key
from sallyport._client_files import LockFile
from sallyport._settings import checked_base_url

from . import vectors
from .fake_server import FakeServer, refusal


def key_path(home: Path) -> Path:
    return home / ".stack" / "agents" / f"{vectors.AGENT_ID}.json"


def store(base_url: str) -> AgentKey:
    key = AgentKey(vectors.AGENT_ID, vectors.AGENT_KEY)
    store_agent_key(key, "2026-06-01T09:00:02.000Z", checked_base_url(base_url))
    return key


def test_the_vectors_of_the_specification_hold() -> None:
    key = AgentKey(vectors.AGENT_ID, vectors.AGENT_KEY)
    assert key.kid == vectors.AGENT_KID
    assert key.enrolment_body("ach_1", vectors.CHALLENGE) == {
        "public_key": {"kty": "OKP", "crv": "Ed25519", "x": vectors.AGENT_X},
        "challenge_id": "ach_1",
        "signed_challenge": vectors.SIGNED_CHALLENGE,
    }
    assert jws.thumbprint(jws.public_jwk(vectors.PASSPORT_KEY)) == vectors.PASSPORT_KID


def test_the_first_request_enrols_and_writes_the_key_file(
    server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_API_KEY", vectors.API_KEY)
    stack = Stack(agent_id=vectors.AGENT_ID, base_url=server.base_url)
    assert server.received == [] and not key_path(home).exists()
    stack.agents.get(vectors.AGENT_ID)
    challenge, enrol, get = server.received
    assert challenge.path.endswith("/enrollment-challenge") and challenge.raw == b""
    assert challenge.bearer == enrol.bearer == vectors.API_KEY
    stored = json.loads(key_path(home).read_text())
    assert stored["publicKey"] == enrol.body["public_key"] == {k: stored["privateKey"][k] for k in ("kty", "crv", "x")}
    assert "d" not in enrol.body["public_key"]
    assert stored["agent_id"] == vectors.AGENT_ID and stored["base_url"] == server.base_url
    assert stored["kid"] == jws.thumbprint(stored["publicKey"]) and stored["enrolled_at"] == "2026-06-01T09:00:02.000Z"
    if os.name != "nt":
        assert stat.S_IMODE(key_path(home).stat().st_mode) == 0o600
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in list(key_path(home).parents)[:2]} == {0o700}
    public = Ed25519PrivateKey.from_private_bytes(base64url.decode(stored["privateKey"]["d"])).public_key()
    parts = jws.parts(get.bearer)
    public.verify(parts.signature, parts.signing_input)
    public.verify(base64url.decode(enrol.body["signed_challenge"]), vectors.CHALLENGE.encode())


def test_every_request_and_every_repeat_is_signed_anew(server: FakeServer, quick: list[float]) -> None:
    key = store(server.base_url)
    server.script("GET", "/v1/agents", refusal("READ_MODEL_BEHIND", status=503))
    stack = Stack(agent_id=vectors.AGENT_ID, base_url=server.base_url)
    stack.agents.list()
    stack.agents.list()
    assert len(server.received) == 3
    assert len({call.agent_claims["jti"] for call in server.received}) == 3
    for call in server.received:
        claims = call.agent_claims
        assert jws.parts(call.bearer).header == {"alg": "EdDSA", "typ": "JWT", "kid": key.kid}
        assert set(claims) == {"iss", "sub", "aud", "iat", "nbf", "exp", "jti"}
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("stack-sdk", vectors.AGENT_ID, "stack:agent")
        assert claims["exp"] - claims["iat"] == 60 and claims["nbf"] == claims["iat"]
        assert abs(claims["iat"] - time.time()) < 5 and 16 <= len(claims["jti"]) <= 128


def test_a_key_file_needs_no_other_credential(server: FakeServer) -> None:
    store(server.base_url)
    Stack(agent_id=vectors.AGENT_ID, base_url=server.base_url).agents.list()
    assert [call.path for call in server.received] == ["/v1/agents"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, stored: path.chmod(0o644),
        lambda path, stored: path.write_text(json.dumps({**stored, "base_url": "https://other.example"})),
        lambda path, stored: path.write_text(json.dumps({**stored, "agent_id": "agt_other"})),
        lambda path, stored: path.write_text(json.dumps({**stored, "privateKey": {"d": "short"}})),
        lambda path, stored: path.write_text("[]"),
        lambda path, stored: path.write_text("{"),
    ],
)
def test_an_unsafe_or_foreign_key_file_is_refused_and_kept(server: FakeServer, home: Path, spoil: Any) -> None:
    store(server.base_url)
    spoil(key_path(home), json.loads(key_path(home).read_text()))
    before = key_path(home).read_text()
    with pytest.raises(StackConfigError):
        Stack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url).agents.list()
    assert server.received == [] and key_path(home).read_text() == before


def test_an_agent_id_cannot_name_another_path(server: FakeServer) -> None:
    with pytest.raises(StackConfigError):
        Stack("k", agent_id="../credentials", base_url=server.base_url).agents.list()


def test_a_key_that_another_process_rotated_is_read_again_once(server: FakeServer) -> None:
    store(server.base_url)
    stack = Stack(agent_id=vectors.AGENT_ID, base_url=server.base_url)
    stack.agents.list()
    other = AgentKey(vectors.AGENT_ID, vectors.PASSPORT_KEY)
    store_agent_key(other, None, server.base_url)
    server.script("GET", "/v1/agents", refusal("UNAUTHORIZED", status=401, reason="bad_signature"))
    stack.agents.list()
    assert [jws.parts(call.bearer).header["kid"] for call in server.received][1:] == [vectors.AGENT_KID, other.kid]


def test_explicit_enrolment_keeps_what_others_wrote_into_the_file(server: FakeServer, home: Path) -> None:
    store(server.base_url)
    stored = json.loads(key_path(home).read_text())
    key_path(home).write_text(json.dumps({**stored, "theirs": 1}))
    assert Stack("k", base_url=server.base_url).agents.enroll(vectors.AGENT_ID).rotated is False
    renewed = json.loads(key_path(home).read_text())
    assert renewed["theirs"] == 1 and renewed["kid"] != stored["kid"]
    assert os.listdir(key_path(home).parent) == [key_path(home).name]


def test_a_lock_that_a_dead_process_left_is_taken_over(server: FakeServer, home: Path) -> None:
    lock = key_path(home).with_name(key_path(home).name + ".lock")
    lock.parent.mkdir(parents=True)
    lock.write_text("dead")
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    Stack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url).agents.list()
    assert load_agent_key(vectors.AGENT_ID, server.base_url) is not None and not lock.exists()


def test_a_key_that_another_process_enrols_meanwhile_is_used(server: FakeServer, home: Path) -> None:
    lock = LockFile(key_path(home))
    assert lock.try_acquire() and not lock.try_acquire()
    working = threading.Thread(target=Stack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url).agents.list)
    working.start()
    assert server.received == []
    store(server.base_url)
    lock.release()
    working.join(10)
    assert [request.path for request in server.received] == ["/v1/agents"]


def test_without_a_home_to_write_to_nothing_is_enrolled(server: FakeServer, home: Path) -> None:
    (home / ".stack").write_text("")
    with pytest.raises(StackConfigError):
        Stack("k", agent_id=vectors.AGENT_ID, base_url=server.base_url).agents.list()
    assert server.received == []


def test_proxied_calls_of_a_bound_passport_use_the_agents_key_file(server: FakeServer) -> None:
    key = store(server.base_url)
    stack = Stack("operator-key", base_url=server.base_url)
    server.bound_to = key.kid
    stack.proxy.get("github", "https://api.github.com/user", passport_token=server.token())
    server.bound_to = None
    stack.proxy.get("github", "https://api.github.com/user", passport_token=server.token())
    server.bound_to = "another-thumbprint"
    stack.proxy.get("github", "https://api.github.com/user", passport_token=server.token())
    server.bound_to = key.kid
    stack.proxy.get("github", "https://api.github.com/user", passport_token=server.token(sub="../../etc/passwd"))
    first, *others = server.received
    assert first.agent_claims["sub"] == vectors.AGENT_ID
    assert [call.bearer for call in others] == ["operator-key"] * 3
