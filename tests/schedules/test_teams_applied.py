"""Teams on the real server: planned, applied, drifted, removed; and what their agents spend."""

import asyncio

from rota.budgets.reservations import Cap, WindowKind
from rota.ids import budget_id
from rota.team_spec import TeamAccount
from schedules.changes import Action, AgentPlan, Plan, Step
from tests.fleets import apply_of, declared, drift_of, fleet_of, plan_of, team
from tests.stack import Stack

PRICED = {
    "kind": "scripted",
    "turns": [{"result": "done", "usage": {"output_tokens": 1000}}],
    "price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 50},
}
"""A run costs five cents."""


def team_entry(plan: Plan, name: str) -> AgentPlan:
    """The plan's entry for the team."""
    return next(found for found in plan.agents if (found.kind, found.agent) == ("Team", name))


async def account_of(stack: Stack, name: str) -> TeamAccount:
    """The team's account now."""
    handle = stack.client.get_workflow_handle(budget_id(name))
    return await handle.query("state", result_type=TeamAccount)


async def test_apply_of_a_team_makes_the_next_plan_empty(stack: Stack) -> None:
    """Its account is there before its agents are, and nothing is left to do."""
    name, report = stack.name("finance"), stack.name("report")
    fleet = fleet_of(stack, declared(report, team=name), team(name, day_usd=20))
    planned = team_entry(await plan_of(stack, fleet), name)
    assert (planned.action, planned.steps) == (Action.CREATE, (Step.DECLARE,))
    assert {field.field: field.after for field in planned.fields} == {"budget.day_usd": 20}
    async with stack.worker():
        applied = await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
        assert await drift_of(stack, fleet) == []
        spec, keeper = (await account_of(stack, name)).spec, await stack.keeper(report)
    assert [step.agent for step in applied.steps] == [name, report]
    assert spec is not None
    assert spec.window_caps == {WindowKind.DAY: Cap(micros=20_000_000)}
    assert keeper.spec is not None
    assert keeper.spec.team_budget


async def test_apply_of_a_changed_team_names_what_changes(stack: Stack) -> None:
    """Field by field, as the YAML has it; the agents are not touched."""
    name, report = stack.name("finance"), declared(stack.name("report"), team=stack.name("finance"))
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, report, team(name, day_usd=20)))
        changed = fleet_of(stack, report, team(name, day_usd=30, month_usd=300))
        plan = await plan_of(stack, changed)
        drifts = {(drift.agent, drift.field) for drift in await drift_of(stack, changed)}
        await apply_of(stack, changed)
        account = (await account_of(stack, name)).account
    (planned,) = plan.changes
    fields = {field.field: (field.before, field.after) for field in planned.fields}
    assert planned.action is Action.CHANGE
    assert fields.pop("digest")[0] != planned.digest[:12]
    assert fields == {"budget.day_usd": (20, 30), "budget.month_usd": (None, 300)}
    assert (name, "budget.day_usd") in drifts
    assert account.caps[WindowKind.MONTH] == Cap(micros=300_000_000)


async def test_apply_of_a_removed_team_frees_its_agents_and_keeps_its_sums(stack: Stack) -> None:
    """The agents are told first, and the limits end; what was spent is still known."""
    name, report = stack.name("finance"), stack.name("report")
    member = declared(report, team=name, runtime=PRICED)
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, member, team(name, day_usd=20)))
        await stack.run(report, f"{report}-1")
        rest = fleet_of(stack, member)
        plan = await plan_of(stack, rest)
        applied = await apply_of(stack, rest)
        assert (await plan_of(stack, rest)).is_empty
        state, keeper = await account_of(stack, name), await stack.keeper(report)
    removal = team_entry(plan, name)
    assert (removal.action, removal.steps) == (Action.REMOVE, (Step.RETIRE,))
    assert [(step.agent, step.step) for step in applied.steps] == [
        (report, Step.DECLARE),
        (name, Step.RETIRE),
    ]
    assert (state.spec, state.account.caps) == (None, {})
    assert state.account.windows[WindowKind.DAY][-1].spent.micros == 50_000
    assert keeper.spec is not None
    assert not keeper.spec.team_budget


async def test_team_of_another_fleet_is_a_conflict(stack: Stack) -> None:
    """Two fleets cannot limit the same account, each to something else."""
    name = stack.name("finance")
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, team(name, day_usd=20)))
        other = fleet_of(stack, team(name, day_usd=5), name="other")
        plan = await plan_of(stack, other)
    (conflict,) = plan.conflicts
    assert conflict.startswith(f"team '{name}' belongs to fleet '{stack.name('fleet')}'")
    assert plan.changes == ()


async def test_terminated_account_of_a_team_is_planned_anew(stack: Stack) -> None:
    """Whoever ended it by hand is told what is lost, and the next apply mends it."""
    name = stack.name("finance")
    fleet = fleet_of(stack, team(name, day_usd=20))
    async with stack.worker():
        await apply_of(stack, fleet)
        await stack.client.get_workflow_handle(budget_id(name)).terminate()
        planned = team_entry(await plan_of(stack, fleet), name)
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
    assert planned.action is Action.CREATE
    assert planned.notes == ("its account was terminated: its sums begin anew",)


async def test_runs_of_a_team_are_counted_in_its_account_and_their_agents(stack: Stack) -> None:
    """Twenty runs of two agents at once: each sum is what the runs themselves tell."""
    name = stack.name("finance")
    names = [stack.name("report"), stack.name("audit")]
    parallel = {"session": {"concurrency": "parallel"}}
    agents = [declared(each, team=name, runtime=PRICED, **parallel) for each in names]
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, *agents, team(name, day_usd=20)))
        runs = [stack.run(each, f"{each}-{number}") for each in names for number in range(10)]
        results = await asyncio.gather(*runs)
        team_account = (await account_of(stack, name)).account
        own = [(await stack.keeper(each)).account for each in names]
    told = sum(result.usage.cost_micros or 0 for result in results)
    assert told == 20 * 50_000
    tally = team_account.windows[WindowKind.DAY][-1]
    assert (tally.spent.micros, tally.runs, team_account.holds) == (told, 20, {})
    assert sum(account.windows[WindowKind.DAY][-1].spent.micros for account in own) == told
