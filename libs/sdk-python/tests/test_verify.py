"""Offline verification (api.md §6.1, §6.2)."""

from __future__ import annotations

import time
from typing import Any, Dict, List

import pytest

from sallyport import _jws as jws
from sallyport import verify_passport_header, verify_passport_offline

from . import vectors
from .fake_server import FakeServer, Reply

PUBLIC = {"kty": "OKP", "crv": "Ed25519", "x": vectors.PASSPORT_X, "kid": vectors.PASSPORT_KID}


def test_a_genuine_passport_verifies_without_network(server: FakeServer) -> None:
    claims = verify_passport_offline(server.token(), public_jwk=PUBLIC, issuer=server.base_url)
    assert claims.jti == claims["jti"] == vectors.JTI
    assert claims.stk.operator_id == claims["stk"]["operator_id"] == vectors.OPERATOR_ID
    assert server.received == []


def test_keys_come_from_the_server_once(server: FakeServer) -> None:
    url = server.base_url + "/v1/.well-known/jwks.json"
    for _ in range(3):
        assert verify_passport_offline(server.token(), jwks_url=url).sub == vectors.AGENT_ID
    stranger = server.token(header={"alg": "EdDSA", "typ": "passport+jwt", "kid": "unknown"})
    for _ in range(3):
        with pytest.raises(ValueError):
            verify_passport_offline(stranger, jwks_url=url)
    assert len(server.received) == 1


def test_a_header_verifies_against_the_server_it_names(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify_passport_header([server.token()], base_url=server.base_url + "/").iss == server.base_url
    monkeypatch.setenv("STACK_BASE_URL", server.base_url)
    assert verify_passport_header(server.token()).iss == server.base_url
    nothing: List[Any] = [None, "", []]
    for empty in nothing:
        with pytest.raises(ValueError):
            verify_passport_header(empty)


def test_the_default_issuer_without_an_address_is_the_published_one(server: FakeServer) -> None:
    assert verify_passport_offline(server.token(iss="getstack.run"), public_jwk=PUBLIC).iss == "getstack.run"
    with pytest.raises(ValueError, match="issuer"):
        verify_passport_offline(server.token(), public_jwk=PUBLIC)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://other.example"},
        {"aud": "stack:agent"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "2100"},
        {"iat": True},
        {"iat": int(time.time()) + 900},
        {"nbf": int(time.time()) + 900},
        {"sub": "agt_other"},
        {"sub": None},
        {"jti": None},
        {"stk": None},
        {"stk": {"agent_id": vectors.AGENT_ID}},
    ],
)
def test_a_passport_with_wrong_claims_is_refused(server: FakeServer, changes: Dict[str, Any]) -> None:
    changes = {"jti": vectors.JTI, **changes}
    jti = changes.pop("jti")
    token = server.token(jti=jti, **changes)
    with pytest.raises(ValueError) as refused:
        verify_passport_offline(token, public_jwk=PUBLIC, issuer=server.base_url)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "passport+jwt"},
        {"alg": "HS256", "typ": "passport+jwt"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "typ": "passport+jwt", "crit": ["x"]},
        {"alg": "EdDSA", "typ": "passport+jwt", "kid": "another"},
    ],
)
def test_a_token_of_another_kind_is_refused(server: FakeServer, header: Dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        verify_passport_offline(server.token(header=header), public_jwk=PUBLIC, issuer=server.base_url)


def test_a_forged_or_damaged_token_is_refused(server: FakeServer) -> None:
    token = server.token()
    claims = jws.parts(token).claims
    header = {"alg": "EdDSA", "typ": "passport+jwt", "kid": vectors.PASSPORT_KID}
    forged = jws.sign(header, claims, vectors.AGENT_KEY)
    head, body, signature = token.split(".")
    damaged = [forged, f"{head}.{body}.", f"{head}.{body}", f"{token}=", f" {token}", token + "A" * 20_000, "", "a.b.c"]
    damaged.append(f"{head}.{jws._segment({**claims, 'sub': 'agt_other'})}.{signature}")
    for bad in damaged:
        with pytest.raises(ValueError):
            verify_passport_offline(bad, public_jwk=PUBLIC, issuer=server.base_url)


def test_exactly_one_source_of_keys_is_taken(server: FakeServer) -> None:
    with pytest.raises(ValueError):
        verify_passport_offline("x")
    with pytest.raises(ValueError):
        verify_passport_offline("x", public_jwk=PUBLIC, jwks_url="http://127.0.0.1:1")


def test_a_server_without_keys_is_a_refusal(server: FakeServer) -> None:
    answers: List[Reply] = [(500, {}, {}), (200, {"keys": {}}, {}), (200, b"<html>", {})]
    for answer in answers:
        server.script("GET", "/v1/.well-known/jwks.json", answer)
        with pytest.raises(ValueError):
            verify_passport_header(server.token(), base_url=server.base_url)
