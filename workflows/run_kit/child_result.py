"""What is left of a child run that did not succeed: the result in its failure."""

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.runs import AgentRunResult


def result_in(cause: BaseException | None) -> AgentRunResult | None:
    """The result that a run which did not succeed leaves in its failure, if it left one."""
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    try:
        return AgentRunResult.model_validate(cause.details[0])
    except ValidationError:
        return None
