"""Reach a keeper: one function per message, with the errors people can act on."""

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.coordination.upstream import NeedAnswer, NeedRequest
from rota.failures import FailureCategory
from rota.ids import keeper_id
from rota.keepers.admission import Admission, AdmissionRequest, Settled, Settlement


async def ask_admission(client: Client, agent: str, request: AdmissionRequest) -> Admission:
    """Send the update `admit`. Idempotent: the update id is the run's key.

    Raises:
        ApplicationError: not retryable; the agent is not declared.
    """
    try:
        return await client.get_workflow_handle(keeper_id(agent)).execute_update(
            "admit", request, id=f"admit-{request.run.key}", result_type=Admission
        )
    except RPCError as error:
        if not is_missing(error):
            raise
        raise _undeclared(agent) from error
    except WorkflowUpdateFailedError as error:
        if _says_undeclared(error):
            raise _undeclared(agent) from error
        raise


async def ask_upstream(client: Client, upstream: str, request: NeedRequest) -> NeedAnswer:
    """Send the update `need`. Idempotent by the waiter's key, within the keeper.

    Raises:
        ApplicationError: not retryable; the upstream is not declared.
    """
    try:
        return await client.get_workflow_handle(keeper_id(upstream)).execute_update(
            "need", request, result_type=NeedAnswer
        )
    except RPCError as error:
        if not is_missing(error):
            raise
        raise _undeclared(upstream) from error
    except WorkflowUpdateFailedError as error:
        if _says_undeclared(error):
            raise _undeclared(upstream) from error
        raise


async def report_settlement(client: Client, agent: str, settlement: Settlement) -> Settled:
    """Send the update `settle`. Idempotent by the run's key, within the keeper."""
    try:
        return await client.get_workflow_handle(keeper_id(agent)).execute_update(
            "settle", settlement, result_type=Settled
        )
    except RPCError as error:
        if not is_missing(error):
            raise
        # The keeper was ended by hand: nothing holds a lease any more, and the run's own
        # history keeps its outcome.
        return Settled()


def _says_undeclared(error: WorkflowUpdateFailedError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == "UnknownAgentError"


def _undeclared(agent: str) -> ApplicationError:
    return ApplicationError(
        f"agent '{agent}' is not declared here: run 'rota apply' in the fleet that declares "
        "it, or correct the name ('rota runs' and the schedules list show those known)",
        type=FailureCategory.INVALID_REQUEST.value,
        non_retryable=True,
    )
