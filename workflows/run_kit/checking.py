"""A result is held against what its agent declares of it, before the run settles."""

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Checking
    from rota.check_steps import CheckInput
    from rota.checks import OUTPUT_SCHEMA, CheckOutcome, CheckState, why_failed
    from rota.failures import MESSAGE_LIMIT, FailureCategory
    from rota.loop import Finish
    from rota.runs import RunStatus
    from workflows.check_options import check_options
    from workflows.run_kit.ending import finish_of
    from workflows.run_kit.work import RunWork


async def checked(work: RunWork, finish: Finish) -> Finish:
    """Make the checks of a run that has an answer.

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
    declared = sorted(set(work.spec.checks) - {OUTPUT_SCHEMA})
    if finish.status is RunStatus.SUCCEEDED and declared:
        outcomes += await _made(work, finish.answer.digest, declared)
    finish = finish.model_copy(update={"checks": outcomes})
    reason = why_failed(outcomes) if finish.status is RunStatus.SUCCEEDED else ""
    if not reason:
        return finish
    failed = {"status": RunStatus.FAILED, "reason": reason[:MESSAGE_LIMIT]}
    return finish.model_copy(update={**failed, "category": FailureCategory.OUTCOME_INVALID})


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
