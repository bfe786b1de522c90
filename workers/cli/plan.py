"""`rota plan`, `rota apply`, `rota drift`: the files of a fleet against the server."""

import json

import click
from rich.console import Console
from rich.markup import escape

from rota.budgets.projection import FleetProjection
from schedules.apply import AppliedReport, AppliedStep, Progress, apply_plan
from schedules.changes import Action, AgentPlan, FieldChange, Plan
from schedules.drift import Drift, find_drift
from schedules.plan import make_plan
from schedules.projecting import project_fleet
from workers.checked_fleet import CheckedFleet, check_fleet
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, format_time, now, print_json, remark
from workers.cli.person import by_option, me
from workers.cli.projection_view import show_projection
from workers.cli.server import Link, with_server
from workers.cli.validate import show_warnings
from workers.settings import Settings

_SIGNS = {
    Action.CREATE: "[green]+[/]",
    Action.CHANGE: "[yellow]~[/]",
    Action.PAUSE: "[yellow]‖[/]",
    Action.RESUME: "[green]▸[/]",
    Action.REMOVE: "[red]-[/]",
    Action.UNCHANGED: " ",
}
_SHOWN = 60
"""Characters of a value: a prompt in a plan is recognised by its beginning."""


@command(
    "plan",
    example=("rota plan", "rota plan --fleet my-fleet --json"),
    json="{fleet, task_queue, made_at, agents: [{agent, kind, action, source, fields, steps, "
    "subscribe, freeze, unsubscribe, next_before, next_after, clock_changes, notes}], conflicts, "
    "is_empty, counts, fingerprint, monthly_cost: {schedules: [{name, kind, fires, runs, "
    "p50_micros, p95_micros, unpriced_runs, unknown_micros}], p50_micros, p95_micros, without}}",
)
@server_options
def plan_command(settings: Settings, as_json: bool) -> None:
    """Show what 'rota apply' would change.

    Field by field, with the next five starts before and after, and what the schedules are going
    to cost a month, by what their newest runs cost. Changes nothing. Ends with 1 if something is
    in the way of applying it.
    """
    checked = check_fleet(settings.fleet, now())
    show_warnings(checked)

    async def read(link: Link) -> tuple[Plan, FleetProjection]:
        plan = await _plan(link, checked)
        return plan, await project_fleet(link.client, checked.fleet, now())

    plan, projection = with_server(settings, read)
    if as_json:
        print_json(plan.to_json() | {"monthly_cost": projection.model_dump(mode="json")})
    else:
        show_plan(plan)
        show_projection(projection)
    if plan.conflicts:
        raise CommandError("\n".join(plan.conflicts))


@command(
    "apply",
    example=("rota apply", "rota apply --fleet my-fleet --json"),
    json="{plan: as in 'rota plan', without monthly_cost, steps: [{agent, step}]}",
)
@server_options
@by_option("Who applies.")
def apply_command(settings: Settings, by: str | None, as_json: bool) -> None:
    """Bring the server in line with the fleet's files.

    Does exactly what 'rota plan' shows, for what this fleet declares only. Safe to interrupt and
    to repeat. Needs a worker, which puts the declarations in force.
    """
    checked = check_fleet(settings.fleet, now())
    show_warnings(checked)
    told = None if as_json else _tell
    plan, report = with_server(settings, lambda link: apply_fleet(link, checked, told, by))
    for agent in plan.agents:
        if agent.freeze is not None:
            remark(f"{agent.agent}: {agent.notes[-1]}")
    if as_json:
        steps = [step.model_dump(mode="json") for step in report.steps]
        print_json({"plan": plan.to_json(), "steps": steps})
    else:
        click.echo(f"fleet {plan.fleet}: {plan.summary}; {'done' if report.steps else 'no change'}")


@command(
    "drift",
    example=("rota drift", "rota drift --json"),
    json="[{agent, field, declared, live, detail}]",
)
@server_options
def drift_command(settings: Settings, as_json: bool) -> None:
    """Find what was changed on the server behind the files' back.

    Ends with 1 if anything differs, whoever changed either side; 'rota apply' puts the server
    back to what the files say.
    """
    checked = check_fleet(settings.fleet, now())

    async def find(link: Link) -> list[Drift]:
        return await find_drift(
            link.client, link.store, checked.fleet, task_queue=link.settings.task_queue
        )

    drifts = with_server(settings, find)
    if as_json:
        print_json([drift.model_dump(mode="json") for drift in drifts])
    for drift in [] if as_json else drifts:
        values = f"files say {_show(drift.declared)}, server has {_show(drift.live)}"
        detail = f" ({drift.detail})" if drift.detail else ""
        click.echo(f"{drift.agent or checked.fleet.name}: {drift.field}: {values}{detail}")
    if drifts:
        raise click.exceptions.Exit(ExitCode.FAILED)
    if not as_json:
        click.echo(f"fleet {checked.fleet.name}: no drift")


async def _plan(link: Link, checked: CheckedFleet) -> Plan:
    return await make_plan(
        link.client, link.store, checked.fleet, task_queue=link.settings.task_queue, now=now()
    )


async def apply_fleet(
    link: Link, checked: CheckedFleet, told: Progress | None, by: str | None = None
) -> tuple[Plan, AppliedReport]:
    """Plan and apply in one go, by default in one's own name; `told` hears of each step."""
    plan = await _plan(link, checked)
    report = await apply_plan(
        link.client,
        link.store,
        checked.fleet,
        plan,
        task_queue=link.settings.task_queue,
        on_progress=told,
        by=me() if by is None else by,
    )
    return plan, report


def _tell(step: AppliedStep) -> None:
    remark(f"{step.agent}: {step.step.value.replace('_', ' ')}")


def show_plan(plan: Plan) -> None:
    """Print a plan for people: what changes in full, what does not in one line each."""
    out = console()
    for agent in plan.agents:
        _show_agent(out, agent)
    out.print(f"fleet {plan.fleet}: {plan.summary}", markup=False)


def _show_agent(out: Console, agent: AgentPlan) -> None:
    source = f" [dim]{agent.source}[/]" if agent.source else ""
    kind = "" if agent.kind == "Agent" else f" {agent.kind.lower()}"
    out.print(f"{_SIGNS[agent.action]} {agent.agent}: {agent.action.value}{kind}{source}")
    for change in agent.fields if agent.action is not Action.CREATE else ():
        out.print(f"    {escape(_change(change))}")
    if agent.action is Action.CREATE:
        _show_new(out, agent)
    elif agent.action is Action.REMOVE and agent.unsubscribe:
        out.print(f"    no longer starts on: {', '.join(agent.unsubscribe)}")
    if agent.action is not Action.UNCHANGED:
        _show_next(out, agent)
    for effect in agent.clock_changes:
        out.print(f"    clock change: {escape(str(effect))}")
    for note in agent.notes:
        out.print(f"    note: {escape(note)}")


def _show_new(out: Console, agent: AgentPlan) -> None:
    """What a new name is told apart by: the rest of it is in the file."""
    paths = [change.field.split(".") for change in agent.fields]
    if nodes := dict.fromkeys(path[1] for path in paths if path[0] == "nodes"):
        out.print(f"    nodes: {_show(', '.join(nodes))}")
    if agent.subscribe:
        out.print(f"    starts on: {', '.join(agent.subscribe)}")


def _show_next(out: Console, agent: AgentPlan) -> None:
    before, after = agent.next_before, agent.next_after
    for label, times in (
        (("next", after),)
        if before == after
        else (
            ("next before", before),
            ("next after", after),
        )
    ):
        if times or before:
            starts = ", ".join(format_time(at) for at in times) or "none"
            out.print(f"    {label}: {starts}")


def _change(change: FieldChange) -> str:
    return f"{change.field}: {_show(change.before)} → {_show(change.after)}"


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    # As YAML and JSON write it: true, not True.
    plain = isinstance(value, str)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
