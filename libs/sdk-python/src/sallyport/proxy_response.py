"""What an upstream answered to a proxied call (api.md §8.5)."""

from __future__ import annotations

from typing import Any, Dict, Optional


class ProxyResponse:
    """`body` is parsed JSON, text, `{"base64", "content_type"}` for binary, or None; `body_kind` says which."""

    __slots__ = ("body", "body_kind", "entry_id", "headers", "operation_id", "status")

    def __init__(
        self,
        status: int,
        headers: Dict[str, str],
        body: Any,
        operation_id: Optional[str] = None,
        *,
        body_kind: Optional[str] = None,
        entry_id: Optional[str] = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.operation_id = operation_id
        self.body_kind = body_kind
        self.entry_id = entry_id

    def ok(self) -> bool:
        """Whether the upstream's status is a success or a redirect."""
        return 200 <= self.status < 400

    def json(self) -> Any:
        return self.body

    def __repr__(self) -> str:
        return f"ProxyResponse(status={self.status}, operation_id={self.operation_id!r}, entry_id={self.entry_id!r})"
