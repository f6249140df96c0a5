"""A local HTTP server that speaks the answers of api.md, as far as the client's behaviour depends on them. It keeps
what it received, so that tests can look at the wire, and it decides nothing that the real server decides."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from sallyport import _jws as jws

from . import vectors

Reply = Tuple[int, Any, Dict[str, str]]


@dataclass
class Received:
    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: Any
    raw: bytes

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "")[len("Bearer ") :]

    @property
    def agent_claims(self) -> Dict[str, Any]:
        return jws.parts(self.bearer).claims


@dataclass
class FakeServer:
    accountability: str = "enforced"
    checkpoint_interval: int = 300
    bound_to: Optional[str] = None
    received: List[Received] = field(default_factory=list)
    scripted: List[Tuple[str, str, Callable[[Received], Optional[Reply]]]] = field(default_factory=list)
    revoked: Dict[str, str] = field(default_factory=dict)
    seq: int = 0
    issued: int = 0
    base_url: str = ""

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                url = urlsplit(self.path)
                kind = self.headers.get("content-type") or ""
                body = json.loads(raw) if raw and kind.startswith("application/json") else None
                if kind.startswith("application/x-www-form-urlencoded"):
                    body = {key: values[0] for key, values in parse_qs(raw.decode()).items()}
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                request = Received(self.command, url.path, query, headers, body, raw)
                fake.received.append(request)
                status, answer, extra = fake._reply(request)
                if status == 0:
                    self.close_connection = True
                    return
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                for name, value in extra.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def script(self, method: str, path: str, *replies: Reply) -> None:
        """Answers the next requests of that method and path so, then as usual."""
        waiting = list(replies)
        self.scripted.append((method, path, lambda request: waiting.pop(0) if waiting else None))

    def calls(self, method: str, path: str) -> List[Received]:
        return [request for request in self.received if (request.method, request.path) == (method, path)]

    def passport(self, **changes: Any) -> Dict[str, Any]:
        """A passport as issue answers it, with a token that is really signed."""
        self.issued += 1
        jti = vectors.JTI[:-2] + f"{self.issued:02d}"
        now = int(time.time())
        token = self.token(jti=jti, **changes)
        answer: Dict[str, Any] = {
            "token": token,
            "jti": jti,
            "expires_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now + 300)),
            "accountability": self.accountability,
            "mission_id": vectors.MISSION_ID,
            "session_id": vectors.SESSION_ID,
            "agent_id": vectors.AGENT_ID,
            "delegation_depth": 0,
            "parent_passport_id": None,
            "services": ["github"],
            "checkpoint_interval_seconds": self.checkpoint_interval,
        }
        return answer

    def token(self, jti: str = vectors.JTI, header: Optional[Dict[str, Any]] = None, **changes: Any) -> str:
        now = int(time.time())
        claims: Dict[str, Any] = {
            "iss": self.base_url,
            "aud": "stack:passport",
            "sub": vectors.AGENT_ID,
            "jti": jti,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "stk": {
                "operator_id": vectors.OPERATOR_ID,
                "agent_id": vectors.AGENT_ID,
                "agent_name": "autogen-assistant",
                "services": [
                    {"connection_id": "scon_1", "service_name": "github", "scopes": ["repo"], "constraints": []},
                    {"connection_id": "scon_2", "service_name": "slack", "scopes": ["chat"]},
                ],
                "identity_claims": [],
                "delegation_depth": 0,
                "mission_ids": [vectors.MISSION_ID],
                "session_id": vectors.SESSION_ID,
                "accountability": self.accountability,
            },
        }
        if self.bound_to is not None:
            claims["cnf"] = {"jkt": self.bound_to}
        claims.update(changes)
        claims = {key: value for key, value in claims.items() if value is not None}
        default = {"alg": "EdDSA", "typ": "passport+jwt", "kid": vectors.PASSPORT_KID}
        return jws.sign(header or default, claims, vectors.PASSPORT_KEY)

    def _reply(self, request: Received) -> Reply:
        for method, path, next_reply in self.scripted:
            if (method, path) == (request.method, request.path):
                reply = next_reply(request)
                if reply is not None:
                    return reply
        if request.method != "GET":
            self.seq += 1
        status, answer = self._answer(request)
        headers = {"X-Request-Id": "req_1"}
        return status, answer, {**headers, "X-Event-Seq": str(self.seq)} if request.method != "GET" else headers

    def _answer(self, request: Received) -> Tuple[int, Any]:
        body = request.body or {}
        route, parts = f"{request.method} {request.path}", request.path.split("/")
        if route == "POST /v1/agents/register":
            return 201, agent(name=body.get("name"))
        if route == "GET /v1/agents":
            return 200, [agent()]
        if route.endswith("/enrollment-challenge"):
            return 201, {"challenge_id": "ach_1", "challenge": vectors.CHALLENGE, "expires_at": "2026-06-01T09:05:01.000Z"}
        if route.endswith("/enroll"):
            return 200, {"agent": agent(), "enrolled_at": "2026-06-01T09:00:02.000Z", "rotated": False}
        if parts[2] == "agents" and len(parts) == 4:
            return 200, agent(**body)
        if route == "POST /v1/missions/start":
            started = {"mission_id": vectors.MISSION_ID, "claim_id": "aud_1", "expires_at": "2026-06-01T09:15:03.000Z"}
            return 201, {**started, "passport": self.passport()}
        if route == "POST /v1/missions":
            return 201, {"mission_id": vectors.MISSION_ID, "claim_id": "aud_1", "expires_at": "2026-06-01T09:15:03.000Z"}
        if route in ("POST /v1/passports/issue", "POST /v1/passports/refresh", "POST /v1/passports/delegate"):
            return 201, self.passport()
        if parts[2] == "missions" and parts[-1] in ("complete", "revoke"):
            return 200, {"mission_id": parts[3], "claim_id": "aud_2", "terminal_state": "x", "transitioned": True}
        if route.endswith("/checkpoint"):
            answer = {"checkpoint_id": "ckp_1", "passport_jti": parts[3], "new_expires_at": "2026-06-01T09:08:33.000Z"}
            return 200, {**answer, "flags": [], "token": self.token(jti=parts[3], renewed=self.seq), "revoked": False}
        if route.endswith("/checkout"):
            return 200, {"checkout_id": "cko_1", "passport_jti": parts[3], "review_status": "clean", "flags": []}
        if route == "POST /v1/passports/revoke":
            self.revoked[body["jti"]] = body.get("reason", "")
            revocation = {"type": "single", "operator_id": vectors.OPERATOR_ID, "jti": body["jti"], "cascaded": []}
            return 200, {**revocation, "reason": body.get("reason"), "revoked": True, "already_revoked": False}
        if route == "POST /v1/proxy":
            reason = self.revoked.get(jws.unverified_claims(request.headers["x-passport-token"]).get("jti", ""))
            if reason is not None:
                return 401, refusal("PASSPORT_REVOKED", "Passport was revoked.", reason=reason)[1]
            envelope = {"status": 200, "headers": {"content-type": "application/json"}, "body": {"echo": body}}
            return 200, {**envelope, "body_kind": "json", "entry_id": "aud_3"}
        if route == "GET /v1/.well-known/jwks.json":
            key = {"kty": "OKP", "crv": "Ed25519", "x": vectors.PASSPORT_X, "kid": vectors.PASSPORT_KID}
            return 200, {"keys": [{**key, "alg": "EdDSA", "use": "sig"}]}
        if route == "POST /oauth/token":
            tokens = {"access_token": f"access-{self.seq}", "token_type": "Bearer", "expires_in": 300}
            return 200, {**tokens, "refresh_token": f"rt_{self.seq}"}
        return (404, refusal("NOT_FOUND", "Nothing here")[1]) if request.method != "GET" else (200, {"query": request.query})


def agent(**changes: Any) -> Dict[str, Any]:
    fields = {
        "id": vectors.AGENT_ID,
        "operator_id": vectors.OPERATOR_ID,
        "name": "autogen-assistant",
        "status": "active",
        "accountability_mode": "enforced",
        "created_by": {"type": "member", "id": "mem_1"},
    }
    return {**fields, **changes}


def refusal(code: str, message: str = "Refused", status: int = 404, **metadata: Any) -> Reply:
    metadata = {"request_id": "req_2", **metadata}
    return status, {"error": {"code": code, "message": message, "details": metadata, "metadata": metadata}}, {}
