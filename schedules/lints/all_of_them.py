"""Declarations that are valid and still not what somebody means.

Pure: the time is an argument. An error here would make `rota apply` do harm or nothing
(a schedule that never fires, an agent nobody declares); a warning is a surprise worth a
look.
"""

from collections.abc import Iterator
from datetime import datetime

from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.runtimes.allowed_models import refused_models
from schedules.fleet import Fleet
from schedules.lints.budget import agent_remarks, team_remarks
from schedules.lints.fleet import fleet_findings
from schedules.lints.gate import gate_remarks
from schedules.lints.grader import grader_findings
from schedules.lints.hook import hook_remarks, topic_hook_findings
from schedules.lints.limit import limit_remarks
from schedules.lints.notify import notify_remarks
from schedules.lints.pipeline import graph_remarks
from schedules.lints.retention import retention_remarks
from schedules.lints.schedule import RunLimit, schedule_remarks
from schedules.lints.script import script_remarks
from schedules.lints.template import input_templates, subscriptions
from schedules.lints.watchdog import sla_remarks, watchdog_findings
from schedules.node_scopes import scope_remarks
from schedules.remarks import Finding, Remark


def lint(fleet: Fleet, now: datetime) -> list[Finding]:
    """Return what is doubtful in a fleet: each declaration by itself, then all together.

    Args:
        fleet: from `load_fleet`.
        now: Aware; slots before it do not count.
    """
    agents = {name: agent.spec for name, agent in fleet.agents.items()}
    found = [
        remark.at(agent) for agent in fleet.agents.values() for remark in lint_spec(agent.spec, now)
    ]
    for pipeline in fleet.pipelines.values():
        remarks = [*lint_spec(pipeline.spec, now), *scope_remarks(pipeline.spec, agents)]
        found += [remark.at(pipeline) for remark in remarks]
    for declared in (*fleet.declarations.values(), *fleet.teams.values()):
        found += [remark.at(declared) for remark in notify_remarks(declared, fleet.file)]
    for declared in fleet.declarations.values():
        found += [remark.at(declared) for remark in sla_remarks(declared.spec, fleet)]
    for declared in fleet.declarations.values():
        found += [remark.at(declared) for remark in retention_remarks(declared, fleet.file)]
    for agent in fleet.agents.values():
        refused = refused_models(agent.spec, fleet.file.models)
        found += [Remark("error", path, problem).at(agent) for path, problem in refused]
    for name, team in fleet.teams.items():
        members = sum(agent.team == name for agent in agents.values())
        found += [remark.at(team) for remark in team_remarks(team.spec, members)]
    return [
        *found,
        *fleet_findings(fleet),
        *grader_findings(fleet),
        *watchdog_findings(fleet),
        *topic_hook_findings(fleet.file.gateway.events),
    ]


def lint_spec(spec: AgentSpec | PipelineSpec, now: datetime) -> list[Remark]:
    """Return what is doubtful in one agent or pipeline, in the order of its keys."""
    remarks: list[Remark] = []
    if spec.schedule is not None:
        remarks += schedule_remarks(spec.schedule, now, _limit(spec))
    remarks += _of_agent(spec) if isinstance(spec, AgentSpec) else graph_remarks(spec)
    return [*remarks, *gate_remarks(spec, now), *subscriptions(spec.on), *hook_remarks(spec.hook)]


def _limit(spec: AgentSpec | PipelineSpec) -> RunLimit | None:
    if isinstance(spec, AgentSpec):
        return RunLimit(spec.budget.wall_clock, "budget.wall_clock")
    # A pipeline's default is there to end what hangs, and says nothing of how long it takes.
    said = "wall_clock" in spec.model_fields_set
    return RunLimit(spec.wall_clock, "wall_clock") if said else None


def _of_agent(spec: AgentSpec) -> Iterator[Remark]:
    yield from input_templates(spec)
    yield from script_remarks(spec)
    yield from agent_remarks(spec)
    yield from limit_remarks(spec)
    if spec.accepts is not None and spec.accepts.json_schema.get("type", "object") != "object":
        kind = spec.accepts.json_schema["type"]
        message = f"a run's input is a mapping, and this accepts {kind}; write type: object"
        yield Remark("error", ("accepts", "schema", "type"), message)
