"""What is left of a child run that did not succeed: its result, or what it has used."""

from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

with workflow.unsafe.imports_passed_through():
    from activities.interface import RunReading
    from rota.keepers.admission import RunRef
    from rota.runs import AgentRunResult
    from rota.usage import Usage
    from workflows.handoff_options import reading_options
    from workflows.run_kit.ending import seen_through


def result_in(cause: BaseException | None) -> AgentRunResult | None:
    """The result that a run which did not succeed leaves in its failure, if it left one."""
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    try:
        return AgentRunResult.model_validate(cause.details[0])
    except ValidationError:
        return None


async def used_by(
    child: workflow.ChildWorkflowHandle[Any, AgentRunResult], cause: BaseException | None
) -> Usage | None:
    """What a run that left no result in its failure has used; None if nobody can tell.

    A cancelled one has nothing in Temporal to put its result in, but wrote it in its memo.
    """
    if not isinstance(cause, CancelledError):
        return None
    assert child.first_execution_run_id is not None, "it has ended, and so begun"
    try:
        # A request to cancel that comes meanwhile must not turn what is known into a guess.
        read = await seen_through(
            workflow.execute_local_activity_method(
                RunReading.read_use,
                RunRef(id=child.id, key=child.first_execution_run_id),
                summary=f"read what {child.id} has used",
                **reading_options(),
            )
        )
    except ActivityError as error:
        workflow.logger.warning("cannot read what %s has used: %s", child.id, error.cause)
        return None
    return read.usage
