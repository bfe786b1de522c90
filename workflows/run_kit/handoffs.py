"""Calls of other agents: the run that a call asks for is a child of the run that makes it.

Workflow side. What a call means and when it is refused is decided in `rota.handoffs`, with
the arguments at hand, by the activities; here the child is started, waited for and, if the
caller ends early, ended.
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
    from activities.interface import HandoffDesk
    from rota.approvals import Ruling
    from rota.budget import Cap
    from rota.handoff_steps import CloseHandoffInput, OpenedHandoff, OpenHandoffInput
    from rota.handoffs import failure_text
    from rota.kinds import WORKFLOW_TYPES
    from rota.loop import CallRef, HandoffMode, ResultRef
    from rota.outcome import is_tainted
    from rota.runs import AgentRunInput, AgentRunResult
    from rota.spending import at_most, left, share, spent
    from rota.usage import Usage
    from workflows.activity_options import run_priority
    from workflows.handoff_options import HANDOFF_GRACE, handoff_options
    from workflows.run_kit.child_result import result_in, used_by
    from workflows.run_kit.work import RunWork

NOTHING_USED = Usage()

Child = workflow.ChildWorkflowHandle[Any, AgentRunResult]
Count = Callable[[Usage], None]
"""Counts what a run used, with all below it, among what its caller has used."""


class End(NamedTuple):
    """How a run that was called has ended."""

    result: AgentRunResult | None
    failure: str
    """Why there is no result; else empty."""
    used: Usage
    """By it and all below it; if nobody can tell, what it might have."""


async def call(
    work: RunWork, call: CallRef, count: Count, ruling: Ruling | None = None
) -> ResultRef:
    """Have another agent work, and wait for its result.

    However its run ends, the end is the call's result; only a result is not an error. A
    caller that is cancelled, or reaches its limit, ends the run it called and waits for that.
    What the run used is counted in any case.
    """
    opened = await _open(work, call, ruling)
    if opened.child is None:
        return _answered(opened, count)
    starting = asyncio.create_task(_start(work, call, opened.child, opened.child_id))
    try:
        # Not to be interrupted: only a run that is known to have started can be waited for.
        child = await asyncio.shield(starting)
        if child is not None:
            await _wait(work, call, child)
    except asyncio.CancelledError:
        child = await starting
        if child is not None:
            child.cancel("the run that called this one was cancelled")
            count((await _end_of(child, opened)).used)
        raise
    if child is None:
        return await _close(work, call, opened, ruling, failure=_taken(call, opened))
    result, failure, below = await _end_of(child, opened)
    count(below)
    return await _close(work, call, opened, ruling, result=result, failure=failure, below=below)


async def transfer(
    work: RunWork, call: CallRef, count: Count, ruling: Ruling | None = None
) -> ResultRef:
    """Have another agent go on in this one's place; its run stands on its own.

    This one does not hear what that uses, so all that it may use of the loan that both work
    from counts as gone. A request to cancel that comes meanwhile comes too late, unless the
    transfer is refused.
    """
    transferring = asyncio.create_task(_transfer(work, call, count, ruling))
    try:
        return await asyncio.shield(transferring)
    except asyncio.CancelledError:
        result = await transferring
        if result.transfer is None:
            raise
        return result


async def _transfer(work: RunWork, call: CallRef, count: Count, ruling: Ruling | None) -> ResultRef:
    opened = await _open(work, call, ruling)
    if opened.child is None:
        return _answered(opened, count)
    child = await _start(work, call, opened.child, opened.child_id)
    if child is None:
        return await _close(work, call, opened, ruling, failure=_taken(call, opened))
    below = at_most(opened.most)
    count(below)
    return await _close(work, call, opened, ruling, below=below)


async def _open(work: RunWork, call: CallRef, ruling: Ruling | None) -> OpenedHandoff:
    return await workflow.execute_local_activity_method(
        HandoffDesk.open_handoff,
        OpenHandoffInput(
            **work.step_fields(),
            index=call.index,
            turn=work.loop.turn,
            deadline=work.deadline,
            allowance=_lent(work, call),
            began=work.admission.began,
            approval=ruling,
            tainted=is_tainted(work.admission, work.loop),
        ),
        summary=f"check {call.name}",
        **handoff_options(work.remaining),
    )


def _lent(work: RunWork, call: CallRef) -> Cap | None:
    """What the run that is called may spend: its part of what the caller has left.

    The caller spends nothing while it waits, so that is set aside. A run that takes over gets
    what is left of what the caller itself was lent.
    """
    if call.handoff is HandoffMode.TRANSFER:
        lent = left(work.limits.lent_room, spent(work.loop.tree))
    else:
        parts = [each for each in work.loop.calls if each.handoff is HandoffMode.CALL]
        lent = share(work.limits, work.loop.tree, len(parts))
    return lent if lent.is_limit else None


def _answered(opened: OpenedHandoff, count: Count) -> ResultRef:
    assert opened.answered is not None, "neither a run to start nor an answer"
    count(opened.answered.below or NOTHING_USED)
    return opened.answered


async def _start(work: RunWork, call: CallRef, input: AgentRunInput, id: str) -> Child | None:
    """Start the run; None if one has its id already and is at work."""
    over = call.handoff is HandoffMode.TRANSFER
    options: dict[str, Any] = {}
    priority = run_priority(work.spec, work.admission.fairness_key)
    if priority is not None:
        options["priority"] = priority
    try:
        return await workflow.start_child_workflow(
            WORKFLOW_TYPES["Agent"],
            input,
            id=id,
            result_type=AgentRunResult,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON
            if over
            else workflow.ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{'takes over from' if over else 'called by'} {work.origin.agent}",
            **options,
        )
    except WorkflowAlreadyStartedError:
        return None


def _taken(call: CallRef, opened: OpenedHandoff) -> str:
    return f"{call.name}: a run {opened.child_id} is at work already, for an earlier caller"


async def _wait(work: RunWork, call: CallRef, child: Child) -> None:
    """Wait for the run's end, and see to it once the caller's own time is over."""
    try:
        await workflow.wait_condition(
            child.done,
            timeout=max(work.remaining + HANDOFF_GRACE, HANDOFF_GRACE),
            timeout_summary=f"{call.name}, at most until the caller's limit",
        )
    except TimeoutError:
        child.cancel("the run that called this one reached its limit")


async def _end_of(child: Child, opened: OpenedHandoff) -> End:
    """Wait for the run's end."""
    try:
        result = await child
    except ChildWorkflowError as error:
        result = result_in(error.cause)
        if result is None:
            used = await used_by(child, error.cause)
            agent = opened.child.agent if opened.child else ""
            failure = f"agents.{agent} {_ending(error.cause)}"
            return End(None, failure, used or at_most(opened.most))
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


async def _close(
    work: RunWork,
    call: CallRef,
    opened: OpenedHandoff,
    ruling: Ruling | None,
    *,
    result: AgentRunResult | None = None,
    failure: str = "",
    below: Usage = NOTHING_USED,
) -> ResultRef:
    agent = opened.child.agent if opened.child else ""
    told = failure or (result and failure_text(agent, result)) or "done"
    return await workflow.execute_local_activity_method(
        HandoffDesk.close_handoff,
        CloseHandoffInput(
            **work.step_fields(),
            index=call.index,
            agent_called=agent,
            child_id=opened.child_id,
            result=result,
            failure=failure,
            below=below,
            approval=ruling,
        ),
        summary=f"{call.name}: {told}"[:200],
        **handoff_options(work.remaining),
    )
