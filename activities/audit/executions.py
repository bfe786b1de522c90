"""The executions of one run, one after the other: by continue-as-new, and by reset.

Activity side: asks the server, changes nothing.
"""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from activities.server_errors import is_missing

_CONTINUED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


async def execution_after(client: Client, id: str, run_id: str, last: HistoryEvent) -> str | None:
    """Return the run id of the execution that a run went on in; None if it did not, or has not.

    Args:
        client: Of the run's namespace.
        id: Workflow id.
        run_id: Of the execution.
        last: Its last event.

    Raises:
        RPCError: the server does not answer.
    """
    if last.event_type == _CONTINUED:
        told = last.workflow_execution_continued_as_new_event_attributes
        return told.new_execution_run_id or None
    described = await described_if_known(client, id, run_id)
    return None if described is None else reset_to(described)


def reset_to(described: WorkflowExecutionDescription) -> str | None:
    """Return the run id of the execution that one was reset to, which no event of it names."""
    return described.raw_description.workflow_extended_info.reset_run_id or None


async def described_if_known(
    client: Client, id: str, run_id: str | None
) -> WorkflowExecutionDescription | None:
    """Describe an execution, or the newest with that workflow id; None if it is forgotten.

    Raises:
        RPCError: the server does not answer.
    """
    try:
        return await client.get_workflow_handle(id, run_id=run_id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
