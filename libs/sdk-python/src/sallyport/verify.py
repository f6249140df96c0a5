"""Verification of a passport by whoever receives it, without asking the server about it (api.md §6.1, §6.2).

Checked: signature (Ed25519, by a key of the server's JWKS or one handed in), purpose (`typ`), issuer, audience,
times, and that the passport names one agent and operator. NOT checked: revocation, and possession of the key that
`cnf` names. Every refusal is a ValueError; its text never holds the token.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import _base64url as base64url
from . import _jws as jws
from ._settings import DEFAULT_BASE_URL, checked_base_url, origin_of
from .answers import PassportStackClaims, VerifiedPassportClaims

PUBLISHED_ISSUER = "getstack.run"
AUDIENCE = "stack:passport"
JWKS_CACHE_SECONDS = 300.0
"""The server's own `max-age`; a key is published 600 s before it signs."""
JWKS_RETRY_SECONDS = 10.0
"""A token with an unknown key makes us look again, but not more often than this."""
CLOCK_SKEW_SECONDS = 5
_JWKS_PATH = "/v1/.well-known/jwks.json"

_lock = threading.Lock()
_key_sets: Dict[str, "_KeySet"] = {}


def verify_passport_offline(
    token: str,
    *,
    jwks_url: Optional[str] = None,
    public_jwk: Optional[Mapping[str, Any]] = None,
    issuer: Optional[str] = None,
    audience: str = AUDIENCE,
) -> VerifiedPassportClaims:
    """The claims of a genuine, unexpired passport. Exactly one of `jwks_url` (fetched once and cached) and
    `public_jwk` (no network at all). `issuer`: by default the origin of `jwks_url`, else `getstack.run`."""
    if (jwks_url is None) == (public_jwk is None):
        raise ValueError("pass either jwks_url or public_jwk")
    expected = issuer or (origin_of(jwks_url) if jwks_url else PUBLISHED_ISSUER)
    parts = _read(token)
    if public_jwk is not None:
        keys: Sequence[Any] = [public_jwk]
    else:
        keys = _keys_for(jwks_url or "", parts.header.get("kid"))
    _check_signature(parts, keys)
    return _check_claims(parts.claims, expected, audience)


def verify_passport_header(
    header_value: Union[str, Sequence[str], None],
    *,
    base_url: Optional[str] = None,
    issuer: Optional[str] = None,
    audience: str = AUDIENCE,
) -> VerifiedPassportClaims:
    """The claims of the passport in an `X-Stack-Passport` header (of several values the first). Keys come from the
    server at `base_url`, by default STACK_BASE_URL, SALLYPORT_BASE_URL or http://127.0.0.1:8787; its origin is the
    default `issuer`."""
    value = header_value if header_value is None or isinstance(header_value, str) else next(iter(header_value), None)
    if not value:
        raise ValueError("no passport in the header")
    environment = os.environ.get("STACK_BASE_URL") or os.environ.get("SALLYPORT_BASE_URL")
    server = checked_base_url(base_url or environment or DEFAULT_BASE_URL)
    return verify_passport_offline(
        value, jwks_url=server + _JWKS_PATH, issuer=issuer or origin_of(server), audience=audience
    )


def _read(token: str) -> jws.TokenParts:
    try:
        parts = jws.parts(token)
    except (ValueError, AttributeError, TypeError):
        raise ValueError("the passport is not a signed token") from None
    header = parts.header
    if header.get("alg") != "EdDSA" or header.get("typ") != "passport+jwt" or "crit" in header:
        raise ValueError("the token is not a passport")
    return parts


def _check_signature(parts: jws.TokenParts, keys: Sequence[Any]) -> None:
    """Against the key that the header names; a key without `kid` may be tried for any."""
    kid = parts.header.get("kid")
    for key in keys:
        if not isinstance(key, Mapping) or key.get("kty") != "OKP" or key.get("crv") != "Ed25519":
            continue
        if key.get("kid") is not None and kid is not None and key.get("kid") != kid:
            continue
        try:
            public = Ed25519PublicKey.from_public_bytes(base64url.decode(str(key.get("x"))))
            public.verify(parts.signature, parts.signing_input)
            return
        except (ValueError, InvalidSignature):
            continue
    raise ValueError("the passport's signature does not verify")


def _check_claims(claims: Mapping[str, Any], issuer: str, audience: str) -> VerifiedPassportClaims:
    for name in ("iss", "sub", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise ValueError(f"the passport has no {name}")
    if claims["iss"] != issuer:
        raise ValueError("the passport is from another issuer")
    audiences = claims.get("aud")
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise ValueError("the passport is for another audience")
    now = time.time()
    if _instant(claims, "exp") <= now:
        raise ValueError("the passport has expired")
    if _instant(claims, "iat") > now + CLOCK_SKEW_SECONDS:
        raise ValueError("the passport was issued in the future")
    if "nbf" in claims and _instant(claims, "nbf") > now + CLOCK_SKEW_SECONDS:
        raise ValueError("the passport is not valid yet")
    stack = claims.get("stk")
    if not isinstance(stack, dict) or not isinstance(stack.get("operator_id"), str) or not stack["operator_id"]:
        raise ValueError("the passport names no operator")
    if stack.get("agent_id") != claims["sub"]:
        raise ValueError("the passport's subject is not its agent")
    return VerifiedPassportClaims({**claims, "stk": PassportStackClaims(stack)})


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"the passport has no {name}")
    return value


class _KeySet:
    def __init__(self, keys: List[Any], fetched_at: float) -> None:
        self.keys = keys
        self.fetched_at = fetched_at


def _keys_for(jwks_url: str, kid: Any) -> List[Any]:
    """The server's keys: cached, looked up again when they are old or do not have this `kid`."""
    with _lock:
        known = _key_sets.get(jwks_url)
        age = time.monotonic() - known.fetched_at if known is not None else 0.0
        if known is not None and age < JWKS_CACHE_SECONDS:
            holds = any(isinstance(key, Mapping) and key.get("kid") == kid for key in known.keys)
            if holds or age < JWKS_RETRY_SECONDS:
                return known.keys
        fresh = _KeySet(_fetch(jwks_url), time.monotonic())
        _key_sets[jwks_url] = fresh
        return fresh.keys


def _fetch(jwks_url: str) -> List[Any]:
    try:
        response = httpx.get(jwks_url, timeout=httpx.Timeout(10.0, connect=5.0), follow_redirects=False)
        document = response.json() if response.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("the server's keys could not be fetched")
    return keys
