"""Checks that other agents make: each grader is run as a child, and its result read.

Workflow side. What a grader's result means is decided in `rota.checks.grading`, with the result
at hand.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import GradingDesk
    from rota.budgets.reservations import Cap
    from rota.budgets.spending import share
    from rota.checks.steps import (
        CloseGradingInput,
        Graded,
        OpenedGrading,
        OpenGradingInput,
    )
    from rota.checks.verdicts import CheckOutcome, CheckState
    from rota.runs import AgentRunInput
    from workflows.handoff_options import handoff_options
    from workflows.run_kit.called import Called, Count, end_of, taken, terms_of
    from workflows.run_kit.ending import finish_of
    from workflows.run_kit.work import RunWork


async def graded(work: RunWork, output: str, count: Count) -> tuple[CheckOutcome, ...]:
    """Have every grader judge the result, all at once; what they use is counted.

    Args:
        work: Of the run whose result it is.
        output: Digest of the result.
        count: Counts what a grader's run has used.

    Returns:
        What each came to, in the order of the checks' names.
    """
    graders = sorted(work.spec.graders.items())
    agents = ", ".join(sorted(set(work.spec.graders.values())))
    workflow.set_current_details(f"**the result is with {agents}**")
    lent = share(work.limits, work.loop.tree, len(graders))
    made = (_graded(work, name, agent, output, lent, count) for name, agent in graders)
    return tuple(await asyncio.gather(*made))


async def _graded(
    work: RunWork, name: str, agent: str, output: str, lent: Cap, count: Count
) -> CheckOutcome:
    try:
        opened = await _open(work, name, agent, output, lent)
        if opened.graded is not None:
            count(opened.graded.below)
            return opened.graded.outcome
        assert opened.child is not None, "neither a run to start nor an outcome"
        return (await _run(work, name, output, opened, opened.child, lent, count)).outcome
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return CheckOutcome(
            name=name,
            state=CheckState.UNKNOWN,
            on_failure=work.spec.checks[name],
            detail=f"{agent} could not be asked: {finish_of(error).reason}",
            at=workflow.now(),
        )


async def _open(work: RunWork, name: str, agent: str, output: str, lent: Cap) -> OpenedGrading:
    return await workflow.execute_local_activity_method(
        GradingDesk.open_grading,
        OpenGradingInput(
            **work.step_fields(),
            **terms_of(work, lent),
            name=name,
            output=output,
        ),
        summary=f"check {name}: {agent} is asked",
        **handoff_options(work.remaining),
    )


async def _run(
    work: RunWork,
    name: str,
    output: str,
    opened: OpenedGrading,
    child: AgentRunInput,
    lent: Cap,
    count: Count,
) -> Graded:
    called = Called(child, opened.child_id, lent, f"check {name}", role="grades")
    end = await end_of(work, called, count)
    close = CloseGradingInput(
        **work.step_fields(), name=name, output=output, child_id=opened.child_id
    )
    told = {"failure": taken(called)}
    if end is not None:
        told = {"result": end.result, "failure": end.failure, "below": end.used}
    return await workflow.execute_local_activity_method(
        GradingDesk.close_grading,
        close.model_copy(update=told),
        summary=f"check {name}: {child.agent} has judged",
        **handoff_options(work.remaining),
    )
