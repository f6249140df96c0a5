"""The error tree, and the one map from a refusal of the server to it (api.md §2, §20).

StackError
├── StackConfigError (also ValueError)   nothing was sent: no credentials, an unsafe file, a bad setting
├── StackConnectionError                 no answer: refused, reset, name not found
├── StackTimeoutError                    no answer in time; the server may have acted
├── ValidationError                      400, 413, 415
├── UnauthorizedError                    401
│   ├── PassportExpiredError
│   └── PassportRevokedError
├── ForbiddenError                       403
│   ├── PassportBlockedError
│   ├── ApprovalGateError                .gate_reason
│   ├── DestinationForbiddenError
│   └── MissionCapError
├── MissionEndedError                    403, 404: .mission_id, .mission_state
├── NotFoundError                        404
├── ConflictError                        409
├── RateLimitError                       429: .retry_after
├── UpstreamError                        502, 504
├── ServiceUnavailableError              503: .retry_after
└── ServerError                          500

Messages come from the server, which puts no secret into them, or are fixed here; a body that is not the
envelope of §2 is not repeated.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Type

from .answers import Answer


class StackError(Exception):
    """Any failure of a call. `code` is the contract; `status_code` is 0 when no answer came."""

    operation_id: Optional[str] = None
    """Set on failures of proxied calls that carried one: what `proxy.get_operation` takes."""

    def __init__(
        self, message: str, code: str = "UNKNOWN", status_code: int = 500, details: Optional[Dict[str, Any]] = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status_code = status_code
        self.details = Answer(details or {})
        self.metadata = self.details
        self.retry_after: Optional[float] = None

    @property
    def request_id(self) -> Optional[str]:
        value = self.metadata.get("request_id")
        return value if isinstance(value, str) else None

    @property
    def reason(self) -> Optional[str]:
        value = self.metadata.get("reason")
        return value if isinstance(value, str) else None


class StackConfigError(StackError, ValueError):
    def __init__(self, message: str) -> None:
        super().__init__(message, "CONFIG_ERROR", 0)


class StackConnectionError(StackError):
    """`unsent` is True when no connection was made, so that the server cannot have acted."""

    def __init__(self, message: str = "No connection to the server", unsent: bool = False) -> None:
        super().__init__(message, "CONNECTION_ERROR", 0)
        self.unsent = unsent


class StackTimeoutError(StackError):
    def __init__(self, message: str = "The server did not answer in time") -> None:
        super().__init__(message, "TIMEOUT", 0)


class ValidationError(StackError):
    def __init__(self, message: str = "Invalid request", details: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(message, "INVALID_REQUEST", 400, details)


class UnauthorizedError(StackError):
    def __init__(self, message: str = "Not authenticated") -> None:
        super().__init__(message, "UNAUTHORIZED", 401)


class PassportExpiredError(UnauthorizedError):
    def __init__(self, message: str = "The passport has expired") -> None:
        super().__init__(message)
        self.code = "PASSPORT_EXPIRED"


class PassportRevokedError(UnauthorizedError):
    def __init__(self, message: str = "The passport was revoked") -> None:
        super().__init__(message)
        self.code = "PASSPORT_REVOKED"


class ForbiddenError(StackError):
    def __init__(self, message: str = "Not allowed") -> None:
        super().__init__(message, "FORBIDDEN", 403)


class PassportBlockedError(ForbiddenError):
    def __init__(self, message: str = "The agent gets no passports while it is blocked") -> None:
        super().__init__(message)
        self.code = "PASSPORT_BLOCKED"


class ApprovalGateError(ForbiddenError):
    @property
    def gate_reason(self) -> Optional[str]:
        value = self.metadata.get("gate_reason")
        return value if isinstance(value, str) else None


class DestinationForbiddenError(ForbiddenError):
    def __init__(self, message: str = "The destination is not allowed") -> None:
        super().__init__(message)
        self.code = "DESTINATION_FORBIDDEN"


class MissionCapError(ForbiddenError):
    pass


class NotFoundError(StackError):
    def __init__(self, message: str = "No such object") -> None:
        super().__init__(message, "NOT_FOUND", 404)


class MissionEndedError(StackError):
    """The mission is over, so no passport can be issued or refreshed for it. `mission_state` is `completed`,
    `revoked`, `expired` or `not_found`."""

    def __init__(
        self,
        mission_id: Optional[str],
        mission_state: str,
        status_code: int = 403,
        api_message: Optional[str] = None,
    ) -> None:
        message = api_message or f"Mission {mission_id or '(unnamed)'} has ended: {mission_state}"
        details = {"mission_id": mission_id, "mission_state": mission_state, "api_message": api_message}
        super().__init__(message, "MISSION_ENDED", status_code, details)
        self.mission_id = mission_id
        self.mission_state = mission_state


class ConflictError(StackError):
    def __init__(self, message: str = "The object's state does not allow this") -> None:
        super().__init__(message, "CONFLICT", 409)


class RateLimitError(StackError):
    def __init__(self, message: str = "Too many requests") -> None:
        super().__init__(message, "RATE_LIMITED", 429)


class UpstreamError(StackError):
    pass


class ServiceUnavailableError(StackError):
    pass


class ServerError(StackError):
    pass


_BY_CODE: Dict[str, Type[StackError]] = {
    "PASSPORT_EXPIRED": PassportExpiredError,
    "PASSPORT_REVOKED": PassportRevokedError,
    "PASSPORT_BLOCKED": PassportBlockedError,
    "DESTINATION_FORBIDDEN": DestinationForbiddenError,
}
_BY_STATUS: Dict[int, Type[StackError]] = {
    400: ValidationError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: ValidationError,
    415: ValidationError,
    429: RateLimitError,
    502: UpstreamError,
    503: ServiceUnavailableError,
    504: UpstreamError,
}


def error_from_response(status: int, headers: Mapping[str, str], body: bytes) -> StackError:
    """The exception for a refused request. The body is hostile input: only the envelope's own fields are read."""
    envelope = _envelope(body)
    code, message = envelope.get("code"), envelope.get("message")
    details = envelope.get("metadata") or envelope.get("details")
    details = dict(details) if isinstance(details, dict) else {}
    if "request_id" not in details and headers.get("x-request-id"):
        details["request_id"] = headers["x-request-id"]
    error = _make(
        status,
        code if isinstance(code, str) else "UNKNOWN",
        message if isinstance(message, str) and message else f"The server answered {status}",
        details,
    )
    error.retry_after = retry_after_seconds(headers.get("retry-after"))
    return error


def passport_revoked(jti: Optional[str], reason: Optional[str]) -> PassportRevokedError:
    """The refusal that the server would give, for a passport already known to be dead."""
    error = PassportRevokedError(f"Passport {jti} was revoked.")
    error.details = error.metadata = Answer({"reason": reason})
    return error


def retry_after_seconds(value: Optional[str]) -> Optional[float]:
    """Whole seconds of a `Retry-After` header (the server sends no dates), else None."""
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 9 else None


def _envelope(body: bytes) -> Dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(error, dict):
        return error
    if isinstance(error, str):  # RFC 6749 form of the OAuth endpoints
        return {"code": error.upper(), "message": parsed.get("error_description")}
    return {}


def _make(status: int, code: str, message: str, details: Dict[str, Any]) -> StackError:
    if code == "MISSION_ENDED":
        mission_id, state = details.get("mission_id"), details.get("mission_state")
        ended = MissionEndedError(
            mission_id if isinstance(mission_id, str) else None,
            state if isinstance(state, str) else "not_found" if status == 404 else "unknown",
            status,
            message,
        )
        ended.details = ended.metadata = Answer({**ended.details, **details})
        return ended
    error = _class_for(status, code, details)(message)
    error.code, error.status_code = code, status
    error.details = error.metadata = Answer(details)
    return error


def _class_for(status: int, code: str, details: Mapping[str, Any]) -> Type[StackError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == 403 and "gate_reason" in details:
        return ApprovalGateError
    if status == 403 and details.get("reason") == "mission_cap":
        return MissionCapError
    return _BY_STATUS.get(status, ServerError if status >= 500 else StackError)
