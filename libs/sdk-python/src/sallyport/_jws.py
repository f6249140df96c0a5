"""Compact JWS with Ed25519 (RFC 7515, RFC 8037): key forms, signing, and reading a token's parts.

Nothing here decides whether a token is to be trusted: `parts` and `unverified_claims` return what the sender
wrote. Verification is in `verify.py`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Dict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from . import _base64url as base64url

MAX_TOKEN_CHARACTERS = 16 * 1024
"""api.md §1.8: a longer passport is refused by every party."""


@dataclass(frozen=True)
class TokenParts:
    header: Dict[str, Any]
    claims: Dict[str, Any]
    signing_input: bytes
    signature: bytes


def public_jwk(private_key: Ed25519PrivateKey) -> Dict[str, str]:
    raw = private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(raw)}


def private_jwk(private_key: Ed25519PrivateKey) -> Dict[str, str]:
    raw = private_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {**public_jwk(private_key), "d": base64url.encode(raw)}


def thumbprint(jwk: Dict[str, str]) -> str:
    """RFC 7638 thumbprint of an Ed25519 key, the `kid` of agents and passports."""
    members = json.dumps({"crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"]}, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(members.encode("ascii")).digest())


def sign(header: Dict[str, Any], claims: Dict[str, Any], private_key: Ed25519PrivateKey) -> str:
    signing_input = f"{_segment(header)}.{_segment(claims)}"
    return f"{signing_input}.{base64url.encode(private_key.sign(signing_input.encode('ascii')))}"


def parts(token: str) -> TokenParts:
    """The parts of a compact JWS, unverified. ValueError unless it is one."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ValueError("token is too long")
    segments = token.split(".")
    if len(segments) != 3:
        raise ValueError("not a compact JWS")
    header, claims = _object(segments[0]), _object(segments[1])
    return TokenParts(header, claims, f"{segments[0]}.{segments[1]}".encode("ascii"), base64url.decode(segments[2]))


def unverified_claims(token: str) -> Dict[str, Any]:
    """Claims for building requests only; empty for what is not a JWS. Servers verify, this does not."""
    try:
        return parts(token).claims
    except ValueError:
        return {}


def _segment(value: Dict[str, Any]) -> str:
    return base64url.encode(json.dumps(value, separators=(",", ":")).encode("utf-8"))


def _object(segment: str) -> Dict[str, Any]:
    try:
        value = json.loads(base64url.decode(segment))
    except RecursionError:
        raise ValueError("token is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("token part is not an object")
    return value
