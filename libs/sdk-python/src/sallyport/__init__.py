"""Client of Sallyport: passports, missions and proxied calls for AI agents.

    from sallyport import Stack

    stack = Stack()
    agent = stack.agents.register("triage-bot")
    with Stack(agent_id=agent.id).passports.mission(agent.id, "Triage issues in acme/sandbox", ["github"]) as mission:
        issues = mission.proxy("github", "https://api.github.com/repos/acme/sandbox/issues").json()

Every class has an `Async` twin with the same names.
"""

from importlib.metadata import PackageNotFoundError, version

from ._async.agents import AsyncAgentService
from ._async.audit import AsyncAuditService
from ._async.mission import AsyncMission
from ._async.missions import AsyncMissionsService
from ._async.passport_session import AsyncPassportSession
from ._async.passports import AsyncPassportService
from ._async.proxy import AsyncProxyService
from ._async.security_events import AsyncSecurityEventService
from ._async.services import AsyncServiceService
from ._async.stack import AsyncStack
from ._sync.agents import AgentService
from ._sync.audit import AuditService
from ._sync.mission import Mission
from ._sync.missions import MissionsService
from ._sync.passport_session import PassportSession
from ._sync.passports import PassportService
from ._sync.proxy import ProxyService
from ._sync.security_events import SecurityEventService
from ._sync.services import ServiceService
from ._sync.stack import Stack
from .answers import (
    Agent,
    Answer,
    AuditEntry,
    CheckoutResult,
    CheckpointResult,
    Passport,
    PassportReport,
    PassportStackClaims,
    ProxyOperation,
    ReviewFlag,
    Service,
    ServiceConnection,
    ToolCall,
    VerifiedPassportClaims,
)
from .errors import (
    ApprovalGateError,
    ConflictError,
    DestinationForbiddenError,
    ForbiddenError,
    MissionCapError,
    MissionEndedError,
    NotFoundError,
    PassportBlockedError,
    PassportExpiredError,
    PassportRevokedError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    StackConfigError,
    StackConnectionError,
    StackError,
    StackTimeoutError,
    UnauthorizedError,
    UpstreamError,
    ValidationError,
)
from .operation_ids import create_authority_request_id
from .proxy_response import ProxyResponse
from .verify import verify_passport_header, verify_passport_offline

try:
    __version__ = version("sallyport")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = [
    "Agent",
    "AgentService",
    "Answer",
    "ApprovalGateError",
    "AsyncAgentService",
    "AsyncAuditService",
    "AsyncMission",
    "AsyncMissionsService",
    "AsyncPassportService",
    "AsyncPassportSession",
    "AsyncProxyService",
    "AsyncSecurityEventService",
    "AsyncServiceService",
    "AsyncStack",
    "AuditEntry",
    "AuditService",
    "CheckoutResult",
    "CheckpointResult",
    "ConflictError",
    "DestinationForbiddenError",
    "ForbiddenError",
    "Mission",
    "MissionCapError",
    "MissionEndedError",
    "MissionsService",
    "NotFoundError",
    "Passport",
    "PassportBlockedError",
    "PassportExpiredError",
    "PassportReport",
    "PassportRevokedError",
    "PassportService",
    "PassportSession",
    "PassportStackClaims",
    "ProxyOperation",
    "ProxyResponse",
    "ProxyService",
    "RateLimitError",
    "ReviewFlag",
    "SecurityEventService",
    "ServerError",
    "Service",
    "ServiceConnection",
    "ServiceService",
    "ServiceUnavailableError",
    "Stack",
    "StackConfigError",
    "StackConnectionError",
    "StackError",
    "StackTimeoutError",
    "ToolCall",
    "UnauthorizedError",
    "UpstreamError",
    "ValidationError",
    "VerifiedPassportClaims",
    "__version__",
    "create_authority_request_id",
    "verify_passport_header",
    "verify_passport_offline",
]
