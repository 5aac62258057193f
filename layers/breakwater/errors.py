"""Every error Breakwater raises on purpose.

BreakwaterError
├── Rejection            the answer is no: 4xx, never retried
│   ├── InvalidRequest       422  a value that can never be right
│   │   └── AnswerTooLarge       422  more than is shown at once; it says what to ask for instead
│   ├── LimitExceeded        422  carries every refusing limit
│   │   ├── ReferenceUnavailable  (domain/valuation.py) no fresh price to judge by
│   │   └── LimitsUnavailable, PositionsStale  (domain/degraded.py) 422  what could be judged by is gone for too long
│   ├── OrderRefused         422  an order that is REJECTED; `code` says by what
│   ├── ReplaceRefused       422  a replace that came to nothing; the order is as it was
│   ├── NotAuthenticated     401
│   ├── NotPermitted         403
│   │   └── SecondFactorRequired  whose role asks for a second factor, and who has none in this session
│   ├── RateLimited          429  too many requests of one API key; carries when to ask again
│   ├── NotFound             404  also for what belongs to another tenant
│   ├── OrderForgotten       410  the engine's word on an order that ended long ago: its id is taken
│   └── Conflict             409
│       ├── OrderIdReused         the same client_order_id with another body
│       ├── VersionConflict       somebody else changed it first; carries both versions
│       ├── LimitOverlaps         another limit holds at the same time
│       ├── NodeInUse             a node that something stands against cannot go, or move now
│       ├── NodeStopped           it is stopped by more than a brake would do
│       ├── CancelsOutstanding    a kill is still being carried out
│       ├── OrderFinal            nothing is left to cancel or replace
│       ├── ReplaceIdReused       the same replace_id with another body
│       └── ReplacePending        what became of the order, or of a replace of it, is not known yet
└── Unavailable          the answer is not known yet: 503, or an order in state UNKNOWN
    ├── DatabaseUnavailable
    ├── TreeChanged          a node moved or went while the order waited for it; the next try finds its new place
    └── EngineUnavailable
        ├── EngineSilent      it let the question go by: the next one would wait as long
        └── EngineForgot      it has forgotten how the order ended: what it has told of it says so, and the journal
"""

from typing import Any, ClassVar


class BreakwaterError(Exception):
    """`code` is stable and for programs, `message` is for people and holds no internals."""

    status: ClassVar[int]
    code: str

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extensions = extensions  # Further members of the problem document, JSON-ready.


class Rejection(BreakwaterError):
    status = 422
    code = "REJECTED"


class InvalidRequest(Rejection):
    code = "INVALID_REQUEST"


class AnswerTooLarge(InvalidRequest):
    """A part of it would look like the whole: nothing is shown."""

    code = "ANSWER_TOO_LARGE"


class LimitExceeded(Rejection):
    """`refusals` (an extension) lists every limit that refused, in the shape docs/ARCHITECTURE.md and the API give."""

    code = "LIMIT_EXCEEDED"


class OrderRefused(Rejection):
    """An order that is REJECTED, told again each time it is sent: `code` is what the limits or the engine said."""

    def __init__(self, message: str, *, code: str, **extensions: Any) -> None:
        super().__init__(message, **extensions)
        self.code = code


class ReplaceRefused(OrderRefused):
    """A replace that is REJECTED, told again each time it is sent. The order is as it was."""


class NotAuthenticated(Rejection):
    status = 401
    code = "NOT_AUTHENTICATED"


class NotFromThere(NotAuthenticated):
    """A key that is right, from an address that it may not come from. The answer is that of any that is not."""


class NotPermitted(Rejection):
    status = 403
    code = "NOT_PERMITTED"


class RateLimited(Rejection):
    """`retry_after_s` is what the Retry-After header says."""

    status = 429
    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SecondFactorRequired(NotPermitted):
    """He may enrol one, and nothing else: POST /users/me/totp."""

    code = "SECOND_FACTOR_REQUIRED"


class NotFound(Rejection):
    status = 404
    code = "NOT_FOUND"


class OrderForgotten(Rejection):
    """Not NotFound: an order that was never there may be given up, and this one may have traded."""

    status = 410
    code = "ORDER_FORGOTTEN"


class Conflict(Rejection):
    status = 409
    code = "CONFLICT"


class OrderIdReused(Conflict):
    code = "ORDER_ID_REUSED"


class VersionConflict(Conflict):
    """`current` and `yours` (extensions) are both versions."""

    code = "VERSION_CONFLICT"


class LimitOverlaps(Conflict):
    """`overlaps` (an extension) is the limit that holds at the same time."""

    code = "LIMIT_OVERLAPS"


class NodeInUse(Conflict):
    code = "NODE_IN_USE"


class NodeStopped(Conflict):
    """`node_state` (an extension) is what it is."""

    code = "NODE_STOPPED"


class CancelsOutstanding(Conflict):
    code = "CANCELS_OUTSTANDING"


class OrderFinal(Conflict):
    """`order_status` (an extension) is the state it ended in."""

    code = "ORDER_FINAL"


class ReplaceIdReused(Conflict):
    code = "REPLACE_ID_REUSED"


class ReplacePending(Conflict):
    code = "REPLACE_PENDING"


class Unavailable(BreakwaterError):
    """`retry_after_s` is what the Retry-After header says."""

    status = 503
    code = "UNAVAILABLE"
    retry_after_s: ClassVar[int] = 2


class DatabaseUnavailable(Unavailable):
    code = "DATABASE_UNAVAILABLE"


class TreeChanged(Unavailable):
    code = "TREE_CHANGED"


class EngineUnavailable(Unavailable):
    code = "ENGINE_UNAVAILABLE"


class EngineSilent(EngineUnavailable):
    """Refused, or not answered in time."""


class EngineForgot(EngineUnavailable):
    """The engine answers, and does not know any more how this one order ended. Asking again does not help."""
