"""Calls of other agents: the run that a call asks for is a child of the run that makes it.

Workflow side. What a call means and when it is refused is decided in `rota.coordination.handoffs`,
with the arguments at hand, by the activities; the child is run by `called`.
"""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.interface import HandoffDesk
    from rota.approvals.requests import Ruling
    from rota.budgets.reservations import Cap
    from rota.budgets.spending import at_most, left, share, spent
    from rota.coordination.handoff_steps import CloseHandoffInput, OpenedHandoff, OpenHandoffInput
    from rota.coordination.handoffs import failure_text
    from rota.runs import AgentRunInput, AgentRunResult
    from rota.turns.calls import CallRef, HandoffMode, ResultRef
    from rota.usage import Usage
    from workflows.handoff_options import handoff_options
    from workflows.run_kit.called import Called, Count, end_of, start, taken, terms_of
    from workflows.run_kit.work import RunWork

NOTHING_USED = Usage()


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
    called = _called(call, opened, opened.child)
    end = await end_of(work, called, count)
    if end is None:
        return await _close(work, call, opened, ruling, failure=taken(called))
    result, failure, below = end
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
    called = _called(call, opened, opened.child)._replace(role="takes over from")
    child = await start(work, called, stays=True)
    if child is None:
        return await _close(work, call, opened, ruling, failure=taken(called))
    below = at_most(opened.most)
    count(below)
    return await _close(work, call, opened, ruling, below=below)


def _called(call: CallRef, opened: OpenedHandoff, child: AgentRunInput) -> Called:
    return Called(child, opened.child_id, opened.most, call.name)


async def _open(work: RunWork, call: CallRef, ruling: Ruling | None) -> OpenedHandoff:
    return await workflow.execute_local_activity_method(
        HandoffDesk.open_handoff,
        OpenHandoffInput(
            **work.step_fields(),
            **terms_of(work, _lent(work, call)),
            index=call.index,
            turn=work.loop.turn,
            approval=ruling,
        ),
        summary=f"check {call.name}",
        **handoff_options(work.remaining),
    )


def _lent(work: RunWork, call: CallRef) -> Cap:
    """What the run that is called may spend: its part of what the caller has left.

    The caller spends nothing while it waits, so that is set aside. A run that takes over gets
    what is left of what the caller itself was lent.
    """
    if call.handoff is HandoffMode.TRANSFER:
        return left(work.limits.lent_room, spent(work.loop.tree))
    parts = [each for each in work.loop.calls if each.handoff is HandoffMode.CALL]
    return share(work.limits, work.loop.tree, len(parts))


def _answered(opened: OpenedHandoff, count: Count) -> ResultRef:
    assert opened.answered is not None, "neither a run to start nor an answer"
    count(opened.answered.below or NOTHING_USED)
    return opened.answered


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
