"""An agent's Ed25519 key: its file, its assertions, and the two halves of an enrolment (api.md §3.3, §3.5, §5.2).

The private key stays in this process and in the file. Whoever holds an AgentKey can act as the agent.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Dict, Optional

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import _base64url as base64url
from . import _jws as jws
from ._client_files import agent_key_path, read_private_json, write_private_json
from ._settings import refuse_other_server
from .errors import StackConfigError

ASSERTION_SECONDS = 60


class AgentKey:
    """Signs for one agent. Its `repr` shows the public thumbprint only."""

    __slots__ = ("agent_id", "kid", "private_key")

    def __init__(self, agent_id: str, private_key: Ed25519PrivateKey) -> None:
        self.agent_id = agent_id
        self.private_key = private_key
        self.kid = jws.thumbprint(jws.public_jwk(private_key))

    def __repr__(self) -> str:
        return f"AgentKey(agent_id={self.agent_id!r}, kid={self.kid!r})"

    def assertion(self) -> str:
        """A fresh agent JWT: 60 s of life, a `jti` of 192 random bits, for one request."""
        now = int(time.time())
        claims = {
            "iss": "stack-sdk",
            "sub": self.agent_id,
            "aud": "stack:agent",
            "iat": now,
            "nbf": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }
        return jws.sign({"alg": "EdDSA", "typ": "JWT", "kid": self.kid}, claims, self.private_key)

    def enrolment_body(self, challenge_id: str, challenge: str) -> Dict[str, Any]:
        """What proves possession: the signature is over the challenge string as sent, not over what it encodes."""
        return {
            "public_key": jws.public_jwk(self.private_key),
            "challenge_id": challenge_id,
            "signed_challenge": base64url.encode(self.private_key.sign(challenge.encode("utf-8"))),
        }


def new_agent_key(agent_id: str) -> AgentKey:
    return AgentKey(agent_id, Ed25519PrivateKey.generate())


def load_agent_key(agent_id: str, base_url: str) -> Optional[AgentKey]:
    """The key in the agent's file, None without a file. StackConfigError if the file is unsafe, damaged, another
    agent's or another server's."""
    path = agent_key_path(agent_id)
    stored = read_private_json(path)
    if stored is None:
        return None
    if stored.get("agent_id") != agent_id:
        raise StackConfigError(f"{path} belongs to another agent")
    refuse_other_server(stored, base_url, str(path))
    secret = stored.get("privateKey")
    encoded = secret.get("d") if isinstance(secret, dict) else None
    try:
        return AgentKey(agent_id, Ed25519PrivateKey.from_private_bytes(base64url.decode(encoded or "")))
    except (ValueError, TypeError):
        raise StackConfigError(f"{path} holds no Ed25519 private key") from None


def store_agent_key(key: AgentKey, enrolled_at: Optional[str], base_url: str) -> None:
    """Writes the agent's file; members that other clients put there stay."""
    path = agent_key_path(key.agent_id)
    fields = {
        "agent_id": key.agent_id,
        "publicKey": jws.public_jwk(key.private_key),
        "privateKey": jws.private_jwk(key.private_key),
        "enrolled_at": enrolled_at,
        "base_url": base_url,
        "kid": key.kid,
    }
    write_private_json(path, {**_kept(path), **fields})


def _kept(path: Any) -> Dict[str, Any]:
    try:
        return read_private_json(path) or {}
    except StackConfigError:
        return {}
