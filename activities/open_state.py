"""What a workflow that goes on says of itself: a breaker, a notifier, a keeper, a run.

Activity side; commands ask the same way. Needs a worker of whoever is asked.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError, RPCStatusCode

from activities.server_errors import is_missing

State = TypeVar("State")

UNANSWERED = (
    RPCStatusCode.FAILED_PRECONDITION,  # nobody has asked for keepers' work lately
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,  # how the client's own timeout looks
)
"""How a query fails that no worker answers; a server that is gone is UNAVAILABLE."""


async def open_state(
    client: Client,
    id: str,
    kind: type[State],
    patience: timedelta,
    query: str = "state",
    arguments: Sequence[Any] = (),
) -> State | None:
    """Return the answer to the query `state`, or another; None if no such workflow is open.

    Raises:
        temporalio.service.RPCError: the server, or whoever serves the workflow, did not answer
            within `patience`.
        temporalio.client.WorkflowQueryFailedError: the workflow could not.
    """
    try:
        return await client.get_workflow_handle(id).query(
            query,
            args=arguments,
            result_type=kind,
            # One that has ended would be replayed, only to say what no longer holds.
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=patience,
        )
    except WorkflowQueryRejectedError:
        return None
    except RPCError as error:
        if is_missing(error):
            return None
        raise
