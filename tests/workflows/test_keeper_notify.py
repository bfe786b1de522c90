"""What keepers tell people by themselves, on the real server."""

import pytest

from rota.budgets.reservations import Amount, Cap, HoldEnd, WindowKind
from rota.ids import budget_id, keeper_queue
from rota.keepers.admission import RunRef
from rota.notices.spec import Occasion
from rota.team_spec import PinnedTeam, TeamAccount
from tests.fakes.hook_receiver import HookReceiver
from tests.stack import Stack, script
from tests.workflows.notified import QUICK, Line, hook, no_way_out_at_first


async def test_soft_limit_of_a_day_is_told_once_however_many_runs_are_above_it(
    stack: Stack,
) -> None:
    """By the agent's keeper, with what was spent."""
    stack.notifier_policy = QUICK
    name = stack.name("report")
    spends = script({"result": "done", "usage": {"input_tokens": 45_000}})
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.BUDGET_SOFT, Occasion.SUCCEEDED)
        async with stack.worker():
            await stack.declare(
                name, runtime=spends, budget={"day_tokens": 100_000}, notify=[entry]
            )
            for number in range(3):
                await stack.run(name, f"{name}-{number}")
            await Line(stack, entry).told(4)
        facts = [fact for got in receiver.taken for fact in got.body["data"]["facts"]]
    (soft,) = [fact for fact in facts if fact["occasion"] == "budget_soft"]
    assert (soft["agent"], soft["run"]) == (name, "")
    assert soft["reason"].startswith("day_tokens: 90,000 tokens of 100,000 tokens spent; until ")


async def test_soft_limit_of_a_team_is_told_once_by_its_account(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To those whom the team names, though there is no way to them at first."""
    no_way_out_at_first(monkeypatch)
    stack.notifier_policy = QUICK
    team, caps = stack.name("finance"), {WindowKind.DAY: Cap(tokens=100)}
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.BUDGET_SOFT)
        line = Line(stack, entry)
        spec = PinnedTeam(digest="d", name=team, window_caps=caps, notify=(line.spec,))
        async with stack.worker():
            account = await stack.client.start_workflow(
                "Budget", id=budget_id(team), task_queue=keeper_queue(stack.task_queue)
            )
            await account.execute_update("declare", spec)
            for number in range(3):
                run = RunRef(id=f"{team}-{number}", key=f"{team}-{number}-key")
                end = HoldEnd(run=run, spent=Amount(tokens=45))
                await account.execute_update("settle", end)
            await line.told(1)
            state = await account.query("state", result_type=TeamAccount)
        (soft,) = [fact for got in receiver.taken for fact in got.body["data"]["facts"]]
    assert (soft["agent"], soft["team"]) == (team, team)
    assert soft["reason"].startswith("day_tokens: 90 tokens of 100 tokens spent; until ")
    assert state.account.windows[WindowKind.DAY][-1].told == ("day_tokens 100",)
