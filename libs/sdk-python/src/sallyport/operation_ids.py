"""Operation ids: the caller's own name for one proxied call, so that its fate can be asked later (api.md §8.8)."""

from __future__ import annotations

import re
import secrets
from typing import Dict, Optional

_OPERATION_ID = re.compile(r"[A-Za-z0-9_-]{22,256}")


def create_authority_request_id() -> str:
    """144 random bits as 24 base64url characters."""
    return secrets.token_urlsafe(18)


def operation_headers(operation_id: Optional[str]) -> Dict[str, str]:
    if operation_id is None:
        return {}
    if _OPERATION_ID.fullmatch(operation_id) is None:
        raise ValueError("authority_request_id must consist of 22 to 256 characters A-Z a-z 0-9 _ -")
    return {"X-STACK-Authority-Request-Id": operation_id}
