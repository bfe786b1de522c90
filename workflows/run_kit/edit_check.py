"""A look at the arguments that a person wrote for a call, before the decision counts."""

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.interface import ApprovalDesk
    from rota.approvals.requests import Ruling
    from rota.steps import ToolInput
    from rota.turns.calls import CallRef
    from workflows.approval_options import edit_options
    from workflows.run_kit.work import RunWork

EditCheck = Callable[[Ruling], Awaitable[str]]
"""Says what is wrong with edited arguments; empty if they may be used."""


def check_for(work: RunWork, call: CallRef) -> EditCheck:
    """Return the check for one call: against the schema of its tool."""

    async def check(ruling: Ruling) -> str:
        try:
            checked = await workflow.execute_local_activity_method(
                ApprovalDesk.check_edit,
                ToolInput(**work.step_fields(), index=call.index, approval=ruling),
                summary=f"look at the arguments for {call.name}",
                **edit_options(),
            )
        except ActivityError as error:
            return f"the arguments could not be looked at, try again: {error.cause or error}"
        return checked.problem

    return check
