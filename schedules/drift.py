"""`rota drift`: where the server differs from the files, whoever changed either."""

from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client

from activities.stores.base import ObjectStore
from rota.model import Record
from schedules.changes import Action, AgentPlan
from schedules.fleet import Fleet
from schedules.plan import make_plan


class Drift(Record):
    """One field that differs."""

    agent: str
    field: str
    """As in the YAML where it has a place there; `agent` or `pipeline` if one side lacks it
    whole."""
    declared: Any = None
    live: Any = None
    detail: str = ""
    """For example the note of the person who paused the schedule."""


async def find_drift(
    client: Client, store: ObjectStore, fleet: Fleet, *, task_queue: str
) -> list[Drift]:
    """Return every difference, in the order of the files; empty if there is none.

    Raises:
        temporalio.service.RPCError: the server did not answer.
        StoreError: the store is unreachable.
    """
    now = datetime.now(UTC)
    plan = await make_plan(client, store, fleet, task_queue=task_queue, now=now)
    conflicts = [Drift(agent="", field="fleet", detail=line) for line in plan.conflicts]
    return conflicts + [drift for agent in plan.changes for drift in _drifts(agent)]


def _drifts(agent: AgentPlan) -> list[Drift]:
    detail = "; ".join(agent.notes)
    if agent.action is Action.CREATE:
        field = agent.kind.lower()
        return [Drift(agent=agent.agent, field=field, declared=agent.source, detail=detail)]
    return [
        Drift(
            agent=agent.agent,
            field=change.field,
            declared=change.after,
            live=change.before,
            detail=detail,
        )
        for change in agent.fields
    ]
