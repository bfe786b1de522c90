"""A result is held against what its agent declares of it, before the run settles."""

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Checking
    from rota.checks.steps import CheckInput
    from rota.checks.verdicts import OUTPUT_SCHEMA, CheckOutcome, CheckState, why_failed
    from rota.failures import MESSAGE_LIMIT, FailureCategory
    from rota.runs import RunStatus
    from rota.turns.loop import Finish
    from workflows.check_options import check_options
    from workflows.run_kit.called import Count
    from workflows.run_kit.ending import finish_of
    from workflows.run_kit.grading import graded
    from workflows.run_kit.work import RunWork


async def checked(work: RunWork, finish: Finish, count: Count | None = None) -> Finish:
    """Make the checks of a run that has an answer.

    Args:
        work: Of the run.
        finish: How it ends without them.
        count: Counts what graders use; None: no grader is asked, and its check is not made.

    Returns:
        Its end with what came of them: failed, if one says so that is declared to.
    """
    if finish.answer is None or work.loop.transfer is not None:
        # No answer, or another agent's, which is held against that one's own declaration.
        return finish
    outcomes: tuple[CheckOutcome, ...] = ()
    if OUTPUT_SCHEMA in work.spec.checks:
        state = CheckState.FAILED if finish.answer.problems else CheckState.PASSED
        outcomes = (CheckOutcome(name=OUTPUT_SCHEMA, state=state, at=workflow.now()),)
    declared = sorted(set(work.spec.checks) - {OUTPUT_SCHEMA} - set(work.spec.graders))
    if finish.status is RunStatus.SUCCEEDED:
        made = await _made(work, finish.answer.digest, declared) if declared else ()
        if work.spec.graders and count is not None:
            made += await _judged(work, finish.answer.digest, why_failed(made), count)
        outcomes += tuple(sorted(made, key=lambda each: each.name))
    finish = finish.model_copy(update={"checks": outcomes})
    reason = why_failed(outcomes) if finish.status is RunStatus.SUCCEEDED else ""
    if not reason:
        return finish
    failed = {"status": RunStatus.FAILED, "reason": reason[:MESSAGE_LIMIT]}
    return finish.model_copy(update={**failed, "category": FailureCategory.OUTCOME_INVALID})


async def _judged(
    work: RunWork, output: str, failed: str, count: Count
) -> tuple[CheckOutcome, ...]:
    """Ask the graders; nobody is paid to judge what fails anyhow."""
    if not failed:
        return await graded(work, output, count)
    return tuple(
        CheckOutcome(
            name=name,
            state=CheckState.SKIPPED,
            on_failure=work.spec.checks[name],
            detail=f"{agent} was not asked: another check fails",
            at=workflow.now(),
        )
        for name, agent in work.spec.graders.items()
    )


async def _made(work: RunWork, output: str, declared: list[str]) -> tuple[CheckOutcome, ...]:
    workflow.set_current_details("**checking the result**")
    loop = work.loop
    try:
        made = await workflow.execute_activity_method(
            Checking.check_result,
            CheckInput(
                **work.step_fields(),
                output=output,
                turns=loop.turn,
                tool_calls=loop.tool_calls,
                tokens=loop.usage.tokens,
            ),
            summary=f"check the result: {', '.join(declared)}"[:200],
            **check_options(work.spec, work.remaining, work.admission.fairness_key),
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        # Nobody knows whether the result is good; each check says what that means.
        why = f"the checks could not be made: {finish_of(error).reason}"
        unknown = CheckState.UNKNOWN
        return tuple(
            CheckOutcome(
                name=name,
                state=unknown,
                on_failure=work.spec.checks[name],
                detail=why,
                at=workflow.now(),
            )
            for name in declared
        )
    return made.outcomes
