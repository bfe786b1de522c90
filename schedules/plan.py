"""`rota plan`: compare the files of a fleet with the server, and change nothing."""

from datetime import datetime

from temporalio.client import Client

from activities.documents import get_spec
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.agent_spec import AgentSpec
from rota.ids import keeper_queue
from schedules.changes import AgentPlan, Plan
from schedules.comparison import Comparison, removal
from schedules.desired import desired_schedule
from schedules.fields import schedule_fields
from schedules.fleet import DeclaredAgent, Fleet
from schedules.live import LiveAgent, read_live
from schedules.side_by_side import side_by_side


async def make_plan(
    client: Client, store: ObjectStore, fleet: Fleet, *, task_queue: str, now: datetime
) -> Plan:
    """Return what `apply_plan` would do now.

    Args:
        client: connected with Rota's converter.
        store: where earlier declarations lie, to compare field by field.
        fleet: the files.
        task_queue: where the fleet's runs are served.
        now: the time after which the next slots are shown, aware.

    Raises:
        temporalio.service.RPCError: the server did not answer.
        StoreError: the store is unreachable, or an earlier declaration is damaged.
    """
    live = await read_live(client, fleet.name, fleet.agents)
    conflicts = [
        line
        for name in fleet.agents
        for line in _conflicts(live[name], fleet.name, keeper_queue(task_queue))
    ]

    async def planned(agent: DeclaredAgent) -> AgentPlan:
        found = live[agent.spec.name]
        earlier = await _earlier(store, found, fleet.name)
        wanted = desired_schedule(agent, fleet.name, task_queue)
        fields = schedule_fields(wanted) if wanted else None
        return Comparison(agent, found, fleet.name, fields, earlier, now).plan()

    free = [
        agent
        for name, agent in fleet.agents.items()
        if not _conflicts(live[name], fleet.name, keeper_queue(task_queue))
    ]
    agents = await side_by_side(free, planned)
    gone = [removal(live[name], fleet.name) for name in live if name not in fleet.agents]
    return Plan(
        fleet=fleet.name,
        task_queue=task_queue,
        made_at=now,
        agents=(*agents, *(agent for agent in gone if agent.steps)),
        conflicts=tuple(conflicts),
    )


def _conflicts(live: LiveAgent, fleet: str, queue: str) -> list[str]:
    """Return why this fleet may not have the agent, one line per reason."""
    keeper, schedule = live.keeper, live.schedule
    owner = keeper.fleet if keeper and not keeper.ended else ""
    if owner and owner != fleet:
        return [
            f"agent '{live.name}' belongs to fleet '{owner}': rename one of them, or remove it "
            f"from '{owner}' and apply that first"
        ]
    if schedule and not schedule.fleet:
        return [
            f"schedule '{live.name}' exists and no fleet owns it: delete it with 'temporal "
            f"schedule delete -s {live.name}', or rename the agent"
        ]
    if schedule and schedule.fleet != fleet:
        return [
            f"schedule '{live.name}' belongs to fleet '{schedule.fleet}': rename the agent, or "
            f"remove it from '{schedule.fleet}' and apply that first"
        ]
    if keeper and not keeper.ended and keeper.task_queue != queue:
        there = keeper.task_queue.removesuffix(keeper_queue(""))
        return [
            f"agent '{live.name}' lives on task queue '{there}' and cannot move: set "
            f"ROTA_TASK_QUEUE={there}, or rename the agent"
        ]
    return []


async def _earlier(store: ObjectStore, live: LiveAgent, fleet: str) -> AgentSpec | None:
    keeper = live.keeper
    if keeper is None or keeper.fleet != fleet or not keeper.digest:
        return None
    try:
        return await get_spec(store, keeper.digest)
    except (ObjectMissingError, ValueError):
        # Applied with another store, or by a version whose declarations read differently:
        # the plan then says which declaration was in force and not what was in it.
        return None
