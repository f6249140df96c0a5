"""The wire of the services that only read and pass through: paths, queries, bodies (api.md §5.3, §12, §14.3, §16.2)."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import pytest

from sallyport import Stack

from . import vectors
from .fake_server import FakeServer

Sent = Tuple[str, str, Dict[str, str], Optional[Dict[str, Any]]]


@pytest.mark.parametrize(
    ("use", "sent"),
    [
        (lambda s: s.agents.grants("agt_1"), ("GET", "/v1/agents/agt_1/permissions", {}, None)),
        (
            lambda s: s.agents.grant("agt_1", "scon_1", approval="writes"),
            ("PUT", "/v1/agents/agt_1/grants/scon_1", {}, {"approval": "writes"}),
        ),
        (lambda s: s.agents.revoke_grant("agt_1", "scon_1"), ("DELETE", "/v1/agents/agt_1/grants/scon_1", {}, None)),
        (lambda s: s.agents.revoke_grant("agt_1"), ("DELETE", "/v1/agents/agt_1/grants", {}, None)),
        (lambda s: s.agents.unblock("agt_1", "gov_1"), ("POST", "/v1/agents/agt_1/unblock", {}, None)),
        (lambda s: s.agents.update("agt_1", icon_url=None), ("PATCH", "/v1/agents/agt_1", {}, {"icon_url": None})),
        (lambda s: s.services.list(), ("GET", "/v1/services/connected", {}, None)),
        (lambda s: s.services.list_available(), ("GET", "/v1/services", {}, None)),
        (lambda s: s.services.list_templates(), ("GET", "/v1/services/templates", {}, None)),
        (
            lambda s: s.services.connect("github", "gho_x", ["repo"]),
            ("POST", "/v1/services/connect", {}, {"service_id": "github", "oauth_token": "gho_x", "scopes": ["repo"]}),
        ),
        (
            lambda s: s.services.connect("github", credential="ghp_x", upstream_override="http://127.0.0.1:1"),
            (
                "POST",
                "/v1/services/connect",
                {},
                {"service_id": "github", "credential": "ghp_x", "upstream_override": "http://127.0.0.1:1"},
            ),
        ),
        (
            lambda s: s.services.connect_custom("Db", {"user": "u"}, hosts=["db.example"]),
            ("POST", "/v1/services/custom", {}, {"name": "Db", "credential": {"user": "u"}, "hosts": ["db.example"]}),
        ),
        (lambda s: s.services.update("scon_1", label="x"), ("PATCH", "/v1/services/connections/scon_1", {}, {"label": "x"})),
        (lambda s: s.services.verify("scon_1"), ("POST", "/v1/services/scon_1/verify", {}, None)),
        (lambda s: s.services.disconnect("scon_1"), ("DELETE", "/v1/services/scon_1/disconnect", {}, None)),
        (lambda s: s.services.get_agent_permissions("agt_1"), ("GET", "/v1/agents/agt_1/permissions", {}, None)),
        (lambda s: s.services.revoke_agent_access("agt_1"), ("DELETE", "/v1/services/agents/agt_1/revoke", {}, None)),
        (
            lambda s: s.security_events.list("agt_1", resolved=False, severity="critical"),
            (
                "GET",
                "/v1/security-events",
                {"agent_id": "agt_1", "page": "1", "limit": "50", "resolved": "false", "severity": "critical"},
                None,
            ),
        ),
        (lambda s: s.security_events.get("sev_1"), ("GET", "/v1/security-events/sev_1", {}, None)),
        (lambda s: s.security_events.resolve("sev_1"), ("POST", "/v1/security-events/sev_1/resolve", {}, None)),
        (
            lambda s: s.security_events.resolve("sev_1", "expected", "drill"),
            ("POST", "/v1/security-events/sev_1/resolve", {}, {"resolution": "expected", "note": "drill"}),
        ),
        (
            lambda s: s.audit.list(since=5, passport_jti="p"),
            ("GET", "/v1/audit", {"limit": "20", "since": "5", "passport_jti": "p"}, None),
        ),
        (
            lambda s: s.audit.verify_chain("2026-06-01", limit=9),
            ("GET", "/v1/audit/verify-chain", {"from": "2026-06-01", "limit": "9"}, None),
        ),
        (lambda s: s.audit.chain_head(), ("GET", "/v1/audit/chain-head", {}, None)),
        (lambda s: s.missions.list(status="open"), ("GET", "/v1/missions", {"status": "open"}, None)),
        (lambda s: s.missions.replay("ms_1"), ("GET", "/v1/missions/ms_1/replay", {}, None)),
        (lambda s: s.missions.renew("ms_1"), ("POST", "/v1/missions/ms_1/renew", {}, {})),
        (lambda s: s.passports.verify("t"), ("POST", "/v1/passports/verify", {}, {"token": "t"})),
        (lambda s: s.passports.list_active(agent_id="agt_1"), ("GET", "/v1/passports/active", {"agent_id": "agt_1"}, None)),
        (lambda s: s.passports.report("ppt_1"), ("GET", "/v1/passports/ppt_1/report", {}, None)),
        (
            lambda s: s.passports.revoke_agent("agt_1", "why", block_agent=True),
            ("POST", "/v1/passports/revoke-agent/agt_1", {}, {"reason": "why", "block_agent": True}),
        ),
        (lambda s: s.passports.revoke_all(), ("POST", "/v1/passports/revoke-all", {}, {})),
        (
            lambda s: s.proxy.get_operation("a" * 22, passport_token="t"),
            ("POST", "/v1/proxy/operations/get", {}, {"operation_id": "a" * 22, "include_response": False}),
        ),
    ],
)
def test_each_method_sends_its_request(server: FakeServer, use: Callable[[Stack], Any], sent: Sent) -> None:
    server.script(sent[0], sent[1], (200, {}, {}))
    use(Stack(vectors.API_KEY, base_url=server.base_url))
    assert [(r.method, r.path, r.query, r.body) for r in server.received] == [sent]


def test_following_the_audit_log_skips_and_repeats_nothing(server: FakeServer) -> None:
    rows = [{"entry_id": f"aud_{seq}", "seq": seq} for seq in range(5, 9)]
    server.script("GET", "/v1/audit", *[(200, {"entries": page, "max_seq": 4}, {}) for page in ([], rows[:3], [], rows[3:])])
    stack = Stack(vectors.API_KEY, base_url=server.base_url)
    followed = list(islice(stack.audit.follow(poll_seconds=0.0), 4))
    assert [row.seq for row in followed] == [5, 6, 7, 8]
    assert [request.query.get("after_seq") for request in server.received] == [None, "4", "7", "7"]


@pytest.mark.parametrize(
    ("format", "pages", "whole"),
    [
        ("ndjson", [b'{"seq":1}\n', b'{"seq":2}\n'], b'{"seq":1}\n{"seq":2}\n'),
        ("csv", [b"entry_id,seq\na,1\n", b"entry_id,seq\nb,2\n"], b"entry_id,seq\na,1\nb,2\n"),
        ("json", [{"entries": [1], "next_cursor": "c"}, {"entries": [2], "next_cursor": None}], None),
    ],
)
def test_an_export_is_one_file_of_all_pages(
    server: FakeServer, tmp_path: Path, format: str, pages: Any, whole: Optional[bytes]
) -> None:
    server.script("GET", "/v1/audit/export", (200, pages[0], {"X-Next-Cursor": "c"}), (200, pages[1], {}))
    path = Stack("k", base_url=server.base_url).audit.export(str(tmp_path / "rows"), format, **{"from": "2026-06-01"})
    content = Path(path).read_bytes()
    assert content == whole if whole is not None else json.loads(content)["entries"] == [1, 2]
    assert [request.query.get("cursor") for request in server.received] == [None, "c"]
    assert server.received[1].query["from"] == "2026-06-01"


def test_a_broken_export_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    server.script("GET", "/v1/audit/export", (200, b"{}\n", {"X-Next-Cursor": "c"}), (400, {}, {}))
    with pytest.raises(Exception):
        Stack("k", base_url=server.base_url).audit.export(str(tmp_path / "rows"))
    assert list(tmp_path.glob("rows*")) == []
