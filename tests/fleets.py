"""Fleets for tests: declared in code, planned and applied on a stack."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, Interceptor, OutboundInterceptor

from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.team_spec import TeamSpec
from schedules.apply import AppliedReport, apply_plan
from schedules.changes import AgentPlan, Plan
from schedules.declared import Declaration, DeclaredAgent, DeclaredPipeline, DeclaredTeam
from schedules.drift import Drift, find_drift
from schedules.fleet import Fleet
from schedules.plan import make_plan
from schedules.teams import with_teams
from schedules.yaml_source import Document
from tests.stack import Stack, script

DONE = script({"result": "done"})
DAILY = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}


def declared(name: str, **declaration: Any) -> DeclaredAgent:
    """An agent as if read from `agents/<name>.yaml`; the scripted runtime by default."""
    data = {"runtime": DONE, **declaration, "name": name}
    return DeclaredAgent(
        AgentSpec.model_validate(data), Document(f"agents/{name}.yaml", 1, data, {})
    )


def pipeline(name: str, **declaration: Any) -> DeclaredPipeline:
    """A pipeline as if read from `pipelines/<name>.yaml`."""
    data = {**declaration, "kind": "Pipeline", "name": name}
    return DeclaredPipeline(
        PipelineSpec.model_validate(data), Document(f"pipelines/{name}.yaml", 1, data, {})
    )


def team(name: str, **budget: Any) -> DeclaredTeam:
    """A team as if read from `teams/<name>.yaml`."""
    data = {"kind": "Team", "name": name, "budget": budget}
    return DeclaredTeam(TeamSpec.model_validate(data), Document(f"teams/{name}.yaml", 1, data, {}))


def fleet_of(stack: Stack, *declared: Declaration | DeclaredTeam, name: str = "fleet") -> Fleet:
    """A fleet of one's own: its name is unique to the stack."""
    agents = {d.spec.name: d for d in declared if isinstance(d, DeclaredAgent)}
    pipelines = {d.spec.name: d for d in declared if isinstance(d, DeclaredPipeline)}
    teams = {d.spec.name: d for d in declared if isinstance(d, DeclaredTeam)}
    return Fleet(stack.name(name), Path(), with_teams(agents, teams), pipelines, teams=teams)


async def plan_of(stack: Stack, fleet: Fleet, *, now: datetime | None = None) -> Plan:
    """Plan `fleet` on the stack's server and queue."""
    return await make_plan(
        stack.client,
        stack.store,
        fleet,
        task_queue=stack.task_queue,
        now=now or datetime.now(UTC),
    )


async def apply_of(stack: Stack, fleet: Fleet) -> AppliedReport:
    """Plan and apply, and wait until the server's lists show the outcome; needs a worker."""
    report = await apply_plan(
        stack.client,
        stack.store,
        fleet,
        await plan_of(stack, fleet),
        task_queue=stack.task_queue,
        worker_timeout=timedelta(seconds=20),
    )
    nothing = Fleet(fleet.name, fleet.folder, {})
    while True:
        listed = (await plan_of(stack, nothing)).agents
        if len(listed) >= len(fleet.declarations) + len(fleet.teams):
            return report
        await asyncio.sleep(0.05)


async def drift_of(stack: Stack, fleet: Fleet) -> list[Drift]:
    """Drift of `fleet` on the stack's server."""
    return await find_drift(stack.client, stack.store, fleet, task_queue=stack.task_queue)


def intercepted(client: Client, outbound: type[OutboundInterceptor]) -> Client:
    """The same connection with `outbound` in its way: a server that misbehaves."""

    class Intercept(Interceptor):
        def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
            return outbound(next)

    config: dict[str, Any] = {**client.config(), "interceptors": [Intercept()]}
    return Client(**config)


def entry(plan: Plan, agent: str) -> AgentPlan:
    """The plan's entry for the agent or pipeline `agent`."""
    return next(found for found in plan.agents if found.agent == agent)
