"""`rota plan`: compare the files of a fleet with the server, and change nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from temporalio.client import Client

from activities.documents import get_declaration, get_team
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.agent_spec import AgentSpec
from rota.ids import keeper_queue
from rota.pipelines.spec import PipelineSpec
from rota.team_spec import TeamSpec
from schedules.changes import Action, AgentPlan, Plan
from schedules.comparison import Comparison, removal
from schedules.declared import Declaration
from schedules.desired import desired_schedule
from schedules.fields import schedule_fields
from schedules.fleet import Fleet
from schedules.freezes import begun_frozen, list_keepers
from schedules.live import LiveAgent, read_live, read_subscriptions
from schedules.live_holders import LiveHolder
from schedules.live_teams import read_live_teams
from schedules.subscribing import Subscriptions
from schedules.teams import team_conflicts, team_plan, team_removal
from schedules.watchdogs import live_watchdog, watchdog_conflicts, watchdog_plan

Spec = AgentSpec | PipelineSpec


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
    found = await read_live(client, fleet.name, fleet.declarations)
    earlier = await _earlier_of(store, found, fleet.name)
    events = {s.event for spec in _specs(fleet, earlier) for s in spec.on}
    live = await read_subscriptions(client, fleet.name, found, events)
    queue = keeper_queue(task_queue)
    conflicts = {
        name: _conflicts(declared.spec, live[name], fleet.name, queue)
        for name, declared in fleet.declarations.items()
    }

    def planned(declared: Declaration) -> AgentPlan:
        name = declared.spec.name
        wanted = desired_schedule(declared, fleet.name, task_queue)
        fields = schedule_fields(wanted) if wanted else None
        return Comparison(declared, live[name], fleet.name, fields, earlier.get(name), now).plan()

    teams = await _plan_teams(client, store, fleet, task_queue)
    watchdog = await live_watchdog(client, fleet.name)
    watching = watchdog_plan(fleet, watchdog, task_queue)
    free = [d for name, d in fleet.declarations.items() if not conflicts[name]]
    agents = await _frozen(client, fleet, [planned(declared) for declared in free])
    gone = [
        removal(live[name], fleet.name, earlier.get(name))
        for name in live
        if name not in fleet.declarations
    ]
    return Plan(
        fleet=fleet.name,
        task_queue=task_queue,
        made_at=now,
        agents=(
            *teams.declared,
            *agents,
            *(agent for agent in gone if agent.steps),
            *teams.removed,
            *([watching] if watching else []),
        ),
        conflicts=(
            *teams.conflicts,
            *(line for lines in conflicts.values() for line in lines),
            *watchdog_conflicts(fleet, watchdog),
        ),
    )


async def _frozen(client: Client, fleet: Fleet, agents: list[AgentPlan]) -> list[AgentPlan]:
    """Return the plans, with the freeze that what is new in a frozen team takes on."""
    if all(agent.action is Action.UNCHANGED for agent in agents):
        return agents
    keepers = await list_keepers(client)
    teams = {name: declared.spec.team for name, declared in fleet.declarations.items()}
    return [begun_frozen(agent, keepers, teams[agent.agent]) for agent in agents]


def _specs(fleet: Fleet, earlier: Mapping[str, Spec]) -> list[Spec]:
    return [*(declared.spec for declared in fleet.declarations.values()), *earlier.values()]


def _conflicts(spec: Spec, live: LiveAgent, fleet: str, queue: str) -> list[str]:
    """Return why this fleet may not have the name, one line per reason."""
    kind = spec.kind.lower()
    keeper, schedule = live.keeper, live.schedule
    owner = keeper.fleet if keeper and not keeper.ended else ""
    if owner and owner != fleet:
        return [
            f"{kind} '{live.name}' belongs to fleet '{owner}': rename one of them, or remove it "
            f"from '{owner}' and apply that first"
        ]
    if schedule and not schedule.fleet:
        return [
            f"schedule '{live.name}' exists and no fleet owns it: delete it with 'temporal "
            f"schedule delete -s {live.name}', or rename the {kind}"
        ]
    if schedule and schedule.fleet != fleet:
        return [
            f"schedule '{live.name}' belongs to fleet '{schedule.fleet}': rename the {kind}, or "
            f"remove it from '{schedule.fleet}' and apply that first"
        ]
    if keeper and not keeper.ended and keeper.task_queue != queue:
        there = keeper.task_queue.removesuffix(keeper_queue(""))
        return [
            f"{kind} '{live.name}' lives on task queue '{there}' and cannot move: set "
            f"ROTA_TASK_QUEUE={there}, or rename the {kind}"
        ]
    return [
        f"event '{event}' starts '{live.name}' for fleet '{owner}': rename the {kind}, or remove "
        f"the subscription from '{owner}' and apply that first"
        for event, owner in Subscriptions(fleet, spec, None, live.subscriptions).foreign.items()
    ]


class _Teams(NamedTuple):
    declared: list[AgentPlan]
    removed: list[AgentPlan]
    conflicts: list[str]


async def _plan_teams(client: Client, store: ObjectStore, fleet: Fleet, task_queue: str) -> _Teams:
    live = await read_live_teams(client, fleet.name, fleet.teams)
    planned = _Teams([], [], [])
    for name, declared in fleet.teams.items():
        team = live.get(name)
        conflicts = team_conflicts(name, team, fleet.name, task_queue)
        planned.conflicts.extend(conflicts)
        if not conflicts:
            earlier = await _earlier_team(store, team, fleet.name)
            planned.declared.append(team_plan(declared, team, fleet.name, earlier))
    for name, team in live.items():
        removal = team_removal(team, fleet.name) if name not in fleet.teams else None
        planned.removed.extend([removal] if removal else [])
    return planned


async def _earlier_team(store: ObjectStore, live: LiveHolder | None, fleet: str) -> TeamSpec | None:
    digest = live.in_force(fleet) if live else ""
    try:
        return await get_team(store, digest) if digest else None
    except (ObjectMissingError, ValueError):  # see `_earlier`
        return None


async def _earlier_of(
    store: ObjectStore, live: Mapping[str, LiveAgent], fleet: str
) -> dict[str, Spec]:
    """Return the declarations that `fleet` has in force, those that can be read, by name."""

    async def read(agent: LiveAgent) -> Spec | None:
        return await _earlier(store, agent, fleet)

    specs = await side_by_side(live.values(), read)
    return {name: spec for name, spec in zip(live, specs, strict=True) if spec is not None}


async def _earlier(store: ObjectStore, live: LiveAgent, fleet: str) -> Spec | None:
    keeper = live.keeper
    if keeper is None or keeper.fleet != fleet or not keeper.digest:
        return None
    try:
        return await get_declaration(store, keeper.digest)
    except (ObjectMissingError, ValueError):
        # Applied with another store, or by a version whose declarations read differently:
        # the plan then says which declaration was in force and not what was in it.
        return None
