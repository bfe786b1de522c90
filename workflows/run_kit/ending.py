"""How a run ends early, and how its end is seen through. Used by runs of both kinds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    TimeoutError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from rota.failures import MESSAGE_LIMIT, FailureCategory
    from rota.runs import RunStatus
    from rota.runtimes.breaker import RUNTIME_HELD
    from rota.turns.loop import Finish

BLOCKING = (FailureCategory.AUTH, FailureCategory.QUOTA)
"""Failures that only a person can mend: the run is blocked, not failed."""

Result = TypeVar("Result")


async def seen_through(settling: Coroutine[Any, Any, Result]) -> Result:
    """Await `settling` to its end: a request to cancel that comes now comes too late."""
    task = asyncio.create_task(settling)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task


def finish_of(error: BaseException, *, late: str = "") -> Finish:
    """Name the end that an unhandled failure of a step leads to.

    Args:
        error: What was raised.
        late: Why the run ends in any case, if its time is up.
    """
    if is_cancelled_exception(error):
        return Finish(status=RunStatus.CANCELLED, reason="cancelled by request")
    # A failure of its own, such as a result that cannot be read, stands for itself.
    cause = (error.__cause__ or error) if isinstance(error, ActivityError) else error
    if late:
        within = " within a step"
        if isinstance(cause, ApplicationError) and cause.type == RUNTIME_HELD:
            within = f"; {cause.message}"
        return Finish(
            status=RunStatus.TIMED_OUT,
            reason=f"{late}{within}",
            category=FailureCategory.LIMIT_REACHED,
        )
    if isinstance(cause, TimeoutError):
        return Finish(
            status=RunStatus.FAILED,
            reason=f"no answer in time: {cause.message}",
            category=FailureCategory.TIMEOUT,
        )
    kind = cause.type if isinstance(cause, ApplicationError) else None
    known = kind in set(FailureCategory)
    category = FailureCategory(kind) if kind and known else FailureCategory.BUG
    message = cause.message if isinstance(cause, FailureError) else str(cause)
    if kind and not known:
        message = f"{kind}: {message}"
    status = RunStatus.BLOCKED if category in BLOCKING else RunStatus.FAILED
    return Finish(status=status, reason=message[:MESSAGE_LIMIT], category=category)
