"""What a fleet is going to cost a month: its schedules, and its newest runs' cost.

Read from visibility, so it needs no worker, and reaches back as far as the server keeps runs.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.side_by_side import side_by_side
from activities.stores.base import KeyNeededError
from rota.budgets.projection import (
    HISTORY,
    FleetProjection,
    Projection,
    fires_a_month,
    project,
    together,
)
from rota.kinds import WORKFLOW_TYPES
from rota.runs import AgentRunResult, Trigger
from rota.usage import Usage, sum_of
from rota.visibility import RESULT_MEMO
from schedules.declared import Declaration
from schedules.fleet import Fleet

LOOKED_AT = 200
"""Runs of an agent that are read: those that did nothing cost nothing, and are no history."""
MOST_NODES = 1000
"""Runs of a pipeline's nodes that are read."""
FOR_OTHERS = (Trigger.HANDOFF, Trigger.UPSTREAM)
"""What calls an agent, and a pipeline whose node it is, count such a run as their own cost."""
_ENDED = "ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'"


async def project_fleet(client: Client, fleet: Fleet, now: datetime) -> FleetProjection:
    """Return what the fleet's schedules are going to cost, as its files declare them.

    A run counts with all that it hands work to; a pipeline's with those of its nodes.

    Raises:
        temporalio.service.RPCError: the server did not answer.
        ValueError: a schedule cannot be read.
    """

    async def one(declared: Declaration) -> Projection | None:
        spec = declared.spec
        if spec.schedule is None:
            return None
        costs = _agent_costs if spec.kind == "Agent" else _pipeline_costs
        try:
            history = await costs(client, spec.name)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            # Where Rota's search attributes are not there yet, nothing has run: applying says so.
            history = []
        return project(spec.name, spec.kind, fires_a_month(spec.schedule, now), history)

    found = await side_by_side(fleet.declarations.values(), one)
    return together(each for each in found if each is not None)


async def _agent_costs(client: Client, name: str) -> list[Usage]:
    """What the newest runs cost, the newest first; not those that work for others."""
    query = f"WorkflowType = '{WORKFLOW_TYPES['Agent']}' AND RotaAgent = '{name}' AND {_ENDED}"
    costs: list[Usage] = []
    async for result in _results(client, query, LOOKED_AT):
        if result.trigger not in FOR_OTHERS and _has_worked(result):
            costs.append(result.usage.plus(result.below))
        if len(costs) == HISTORY:
            break
    return costs


async def _pipeline_costs(client: Client, name: str) -> list[Usage]:
    """What the newest runs of a pipeline cost, each all its nodes together."""
    own = f"WorkflowType = '{WORKFLOW_TYPES['Pipeline']}' AND RotaPipeline = '{name}' AND {_ENDED}"
    ended = {run.id async for run in client.list_workflows(own, limit=HISTORY)}
    query = f"WorkflowType = '{WORKFLOW_TYPES['Agent']}' AND RotaPipeline = '{name}' AND {_ENDED}"
    nodes: dict[str, list[Usage]] = {}
    read, oldest = 0, ""
    async for result in _results(client, query, MOST_NODES):
        read += 1
        parent = result.lineage.parent if result.lineage else ""
        if parent in ended and _has_worked(result):
            nodes.setdefault(parent, []).append(result.usage.plus(result.below))
        oldest = parent
    if read == MOST_NODES:
        # Whose other nodes were not read.
        nodes.pop(oldest, None)
    return [sum_of(usages) for usages in nodes.values()]


async def _results(client: Client, query: str, limit: int) -> AsyncIterator[AgentRunResult]:
    async for run in client.list_workflows(query, limit=limit):
        try:
            memo = await run.memo_value(RESULT_MEMO, None)
        except KeyNeededError:
            continue  # its key is gone: then it tells no more than one that was terminated
        # Whoever was terminated has told nothing.
        if memo is not None:
            yield AgentRunResult.model_validate(memo)


def _has_worked(result: AgentRunResult) -> bool:
    return result.turns > 0 or result.usage.plus(result.below) != Usage()
