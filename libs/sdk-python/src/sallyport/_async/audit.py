"""The audit log: reading, following, exporting, verifying (api.md §16.2). Agents may not."""

from __future__ import annotations

import json
import os
from typing import Any, AsyncIterator, Dict, List, Optional

from .._calls import read, without_none
from .._concurrency import async_sleep
from ..answers import Answer, AuditEntry
from .client import AsyncHttpClient


class AsyncAuditService:
    def __init__(self, client: AsyncHttpClient) -> None:
        self._client = client

    async def list(
        self,
        limit: int = 20,
        since: Optional[int] = None,
        agent_id: Optional[str] = None,
        passport_jti: Optional[str] = None,
    ) -> Answer:
        """`entries`, newest first, and `max_timestamp`. `since` (Unix ms): only newer ones."""
        params = without_none(limit=limit, since=since, agent_id=agent_id, passport_jti=passport_jti)
        return Answer(await self._client.send(read("/v1/audit", params)))

    async def chain_head(self) -> Answer:
        return Answer(await self._client.send(read("/v1/audit/chain-head")))

    async def verify_chain(
        self, from_date: Optional[str] = None, to_date: Optional[str] = None, limit: Optional[int] = None
    ) -> Answer:
        """`valid`, `entries_checked`, `first_break`. Dates are ISO: `from_date` inclusive, `to_date` exclusive."""
        params: Dict[str, Any] = {"from": from_date, "to": to_date, "limit": limit}
        return Answer(await self._client.send(read("/v1/audit/verify-chain", params)))

    async def follow(self, after_seq: Optional[int] = None, poll_seconds: float = 1.0) -> AsyncIterator[AuditEntry]:
        """Every row after `after_seq` (default: from now on), oldest first, without loss and without end."""
        if after_seq is None:
            newest = await self._client.send(read("/v1/audit", {"limit": 1}))
            after_seq = int(newest.get("max_seq") or 0)
        while True:
            params = {"order": "asc", "after_seq": after_seq, "limit": 100}
            entries = (await self._client.send(read("/v1/audit", params)))["entries"]
            for entry in entries:
                after_seq = int(entry["seq"])
                yield AuditEntry(entry)
            if not entries:
                await async_sleep(poll_seconds)

    async def export(self, path: str, format: str = "ndjson", **query: Any) -> str:
        """Writes all rows (`ndjson`, `json`, `csv`), oldest first, into `path` and returns it. `query`: `from`, `to`
        (as `**{"from": …}`), `from_seq`, `to_seq`, `agent_id`. The file appears only when it is complete."""
        pending = f"{path}.part"
        rows: List[Any] = []
        cursor: Optional[str] = None
        first = True
        try:
            with open(pending, "wb") as stream:
                while first or cursor:
                    params = {**query, "format": format, "cursor": cursor}
                    response = await self._client.exchange(read("/v1/audit/export", params))
                    if format == "json":
                        page = response.json()
                        rows.extend(page["entries"])
                        cursor = page.get("next_cursor")
                    else:
                        stream.write(_without_header(response.content) if format == "csv" and not first else response.content)
                        cursor = response.headers.get("x-next-cursor")
                    first = False
                if format == "json":
                    stream.write(json.dumps({"entries": rows, "next_cursor": None}).encode("utf-8"))
            os.replace(pending, path)
        except BaseException:
            os.unlink(pending)
            raise
        return path


def _without_header(page: bytes) -> bytes:
    """Each csv page begins with the column names; a column name holds no line break."""
    return page.split(b"\n", 1)[1] if page.startswith(b"entry_id,") and b"\n" in page else page
