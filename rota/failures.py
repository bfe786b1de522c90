"""The closed list of ways a step can fail, and what each one calls for.

Litmus tests between neighbours: `overloaded` is the provider's capacity (529, 503),
`rate_limited` is ours (429 that waiting cures), `quota` is ours and waiting does not
cure it. `timeout` means no answer came; `transient` means a broken one did.
`outcome_invalid` is an answer of the wrong shape, `outcome_unknown` an effect nobody
saw the end of. `upstream` means that what a run needs did not come: an agent's result, a
lock, another run with its key.
"""

from datetime import timedelta
from enum import StrEnum


class FailureCategory(StrEnum):
    """What happened, in one word. Recorded on the run and used as a metric label."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    AUTH = "auth"
    QUOTA = "quota"
    INVALID_REQUEST = "invalid_request"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSED = "refused"
    TOOL_FAILED = "tool_failed"
    OUTCOME_INVALID = "outcome_invalid"
    OUTCOME_UNKNOWN = "outcome_unknown"
    LIMIT_REACHED = "limit_reached"
    UPSTREAM = "upstream"
    BUG = "bug"

    @property
    def retryable(self) -> bool:
        """True if the same step may succeed later with nothing changed."""
        return self in _RETRYABLE

    @property
    def fails_over(self) -> bool:
        """True if another runtime may do what this one cannot, and is asked before long.

        Not `rate_limited`: our own share returns as the provider says.
        """
        return self in _FAILING_OVER


_RETRYABLE = frozenset(
    {
        FailureCategory.TRANSIENT,
        FailureCategory.RATE_LIMITED,
        FailureCategory.OVERLOADED,
        FailureCategory.TIMEOUT,
    }
)
_FAILING_OVER = frozenset(
    {FailureCategory.TRANSIENT, FailureCategory.OVERLOADED, FailureCategory.TIMEOUT}
)

PAYLOAD_ERROR_TYPE = "PayloadValidationError"
"""How wrong input fails, be it the wrong shape or the wrong number of arguments: the type
Temporal reserves for this, which Nexus and other SDKs know by name."""

MESSAGE_LIMIT = 2000
"""Characters kept of a provider's or tool's message: failures travel in history."""


class StepError(Exception):
    """A step failed in a way somebody classified.

    Runtimes and tools raise it; the activity that caught it turns it into Temporal's
    form. `maybe_billed` is true when the provider may have done the work all the same;
    `final` when this runtime is not to be asked again, because another takes over.
    """

    final: bool = False

    def __init__(
        self,
        category: FailureCategory,
        message: str,
        *,
        retry_after: timedelta | None = None,
        maybe_billed: bool = False,
        request_id: str | None = None,
    ) -> None:
        # Not every text can travel: an exception may name a file by bytes that are no UTF-8.
        super().__init__(message[:MESSAGE_LIMIT].encode(errors="replace").decode())
        self.category = category
        self.retry_after = retry_after
        self.maybe_billed = maybe_billed
        self.request_id = request_id
