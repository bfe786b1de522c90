"""Put teams' declarations in force with their accounts, and take them back.

Needs a worker: an account is a workflow, and only a worker makes one answer.
"""

from datetime import timedelta

from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)

from rota.ids import budget_id, keeper_queue
from rota.pinned_spec import window_caps
from rota.team_spec import PinnedTeam, TeamSpec
from schedules.apply_errors import NoWorkerError

BUDGET_WORKFLOW = "Budget"


def pinned_team(spec: TeamSpec, fleet: str) -> PinnedTeam:
    """Return what the account keeps of a declaration."""
    return PinnedTeam(
        digest=spec.digest,
        name=spec.name,
        description=spec.description[:200],
        fleet=fleet,
        window_caps=window_caps(spec.budget),
        timezone=spec.budget.timezone,
        soft_at=spec.budget.soft.at,
        notify=spec.notify,
    )


async def declare_team(
    client: Client, spec: TeamSpec, fleet: str, task_queue: str, timeout: timedelta
) -> None:
    """Put `spec` in force, starting the account if there is none. Idempotent.

    Raises:
        NoWorkerError: the account did not answer within `timeout`.
    """
    team = SearchAttributePair(SearchAttributeKey.for_keyword("RotaTeam"), spec.name)
    account = await client.start_workflow(
        BUDGET_WORKFLOW,
        id=budget_id(spec.name),
        task_queue=keeper_queue(task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=TypedSearchAttributes([team]),
        static_summary=f"account of team {spec.name}",
    )
    try:
        await account.execute_update("declare", pinned_team(spec, fleet), rpc_timeout=timeout)
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(task_queue) from None


async def retire_team(client: Client, team: str, task_queue: str, timeout: timedelta) -> None:
    """Take the declaration back; the sums stay. Idempotent.

    Raises:
        NoWorkerError: the account did not answer within `timeout`.
    """
    try:
        account = client.get_workflow_handle(budget_id(team))
        await account.execute_update("retire", rpc_timeout=timeout)
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(task_queue) from None
