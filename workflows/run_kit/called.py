"""Runs of other agents that a run waits for: started as its children, waited for, and ended.

Workflow side. Whoever calls, a tool call (`handoffs`) or a check (`grading`), says what is run and
what its end means.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from temporalio import workflow
from temporalio.exceptions import (
    CancelledError,
    ChildWorkflowError,
    FailureError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as ServerTimeoutError

with workflow.unsafe.imports_passed_through():
    from rota.budgets.reservations import Cap
    from rota.budgets.spending import at_most
    from rota.kinds import WORKFLOW_TYPES
    from rota.runs import AgentRunInput, AgentRunResult
    from rota.turns.outcome import is_tainted
    from rota.usage import Usage
    from workflows.activity_options import run_priority
    from workflows.handoff_options import HANDOFF_GRACE
    from workflows.run_kit.child_result import result_in, used_by
    from workflows.run_kit.work import RunWork

Child = workflow.ChildWorkflowHandle[Any, AgentRunResult]
Count = Callable[[Usage], None]
"""Counts what a run used, with all below it, among what its caller has used."""


class Called(NamedTuple):
    """A run to be called."""

    input: AgentRunInput
    id: str
    most: Cap
    """What it may use at most, with all below it."""
    name: str
    """What calls it, for people: a tool, a check."""
    role: str = "called by"
    """What it is to its caller, likewise."""


class End(NamedTuple):
    """How a run that was called has ended."""

    result: AgentRunResult | None
    failure: str
    """Why there is no result; else empty."""
    used: Usage
    """By it and all below it; if nobody can tell, what it might have."""


async def end_of(work: RunWork, called: Called, count: Count) -> End | None:
    """Have the run work, and wait for its end; None if one has its id already and is at work.

    A caller that is cancelled, or reaches its limit, ends the run it called and waits for that.
    What the run used is counted in any case.
    """
    starting = asyncio.create_task(start(work, called))
    try:
        # Not to be interrupted: only a run that is known to have started can be waited for.
        child = await asyncio.shield(starting)
        if child is not None:
            await _wait(work, called, child)
    except asyncio.CancelledError:
        child = await starting
        if child is not None:
            child.cancel("the run that called this one was cancelled")
            count((await _end_of(child, called)).used)
        raise
    if child is None:
        return None
    end = await _end_of(child, called)
    count(end.used)
    return end


async def start(work: RunWork, called: Called, *, stays: bool = False) -> Child | None:
    """Start the run; None if one has its id already and is at work.

    Args:
        work: Of the caller.
        called: What is started.
        stays: It goes on when the caller ends.
    """
    options: dict[str, Any] = {}
    priority = run_priority(work.spec, work.admission.fairness_key)
    if priority is not None:
        options["priority"] = priority
    try:
        return await workflow.start_child_workflow(
            WORKFLOW_TYPES["Agent"],
            called.input,
            id=called.id,
            result_type=AgentRunResult,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON
            if stays
            else workflow.ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{called.role} {work.origin.agent}",
            **options,
        )
    except WorkflowAlreadyStartedError:
        return None


def terms_of(work: RunWork, lent: Cap) -> dict[str, Any]:
    """The fields of `CallTerms`: what the caller passes on to a run of its.

    Args:
        work: Of the caller.
        lent: What the run may spend with all below it; nothing is said of what has no limit.
    """
    return {
        "deadline": work.deadline,
        "allowance": lent if lent.is_limit else None,
        "began": work.admission.began,
        "tainted": is_tainted(work.admission, work.loop),
    }


def taken(called: Called) -> str:
    """Why there is no end: the id is another run's."""
    return f"{called.name}: a run {called.id} is at work already, for an earlier caller"


async def _wait(work: RunWork, called: Called, child: Child) -> None:
    """Wait for the run's end, and see to it once the caller's own time is over."""
    try:
        await workflow.wait_condition(
            child.done,
            timeout=max(work.remaining + HANDOFF_GRACE, HANDOFF_GRACE),
            timeout_summary=f"{called.name}, at most until the caller's limit",
        )
    except TimeoutError:
        child.cancel("the run that called this one reached its limit")


async def _end_of(child: Child, called: Called) -> End:
    """Wait for the run's end."""
    try:
        result = await child
    except ChildWorkflowError as error:
        result = result_in(error.cause)
        if result is None:
            used = await used_by(child, error.cause)
            failure = f"agents.{called.input.agent} {_ending(error.cause)}"
            return End(None, failure, used or at_most(called.most))
    return End(result, "", result.usage.plus(result.below))


def _ending(cause: BaseException | None) -> str:
    if isinstance(cause, CancelledError):
        return "was cancelled"
    if isinstance(cause, TerminatedError):
        return "was terminated"
    if isinstance(cause, ServerTimeoutError):
        return "was ended by a time limit of the server"
    message = cause.message if isinstance(cause, FailureError) else str(cause)
    return f"failed: {message}"
