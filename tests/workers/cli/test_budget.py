"""`rota budget`: what accounts have come to, and raises of days, months and runs."""

import shlex
from typing import Any

import pytest

from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.budget_bench import CENT, BudgetBench
from tests.workflows.gates import keepers_listed
from tests.workflows.money import add, parked, spending
from workers.cli.exit_codes import ExitCode

pytestmark = pytest.mark.usefixtures("only_here")


async def budget(stack: Stack, *arguments: str) -> Ended:
    """Run `rota budget` against the stack's corner of the server."""
    options = ("--address", stack.address, "--store", stack.store.address)
    return await rota("budget", *arguments, *options, "--task-queue", stack.task_queue)


def of(rows: Any, name: str) -> dict[str, Any]:
    """The account of that name."""
    return next(row for row in rows if row["name"] == name)


async def test_show_tells_of_one_account_what_is_spent_held_and_waited_for(stack: Stack) -> None:
    """The same figures as JSON and as text."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100, agent_cents=90)
        done, holder, waiter = [await bench.come(name) for name in ("d", "h", "w")]
        await bench.ask(done, 30)
        await bench.end(done, 25 * CENT)
        await bench.ask(holder, 60)
        await bench.ask(waiter, 50, least=50)
        shown = (await budget(stack, "show", bench.agent, "--json")).json
        text = (await budget(stack, "show", bench.agent)).out
        team = (await budget(stack, "show", "--team", bench.team, "--json")).json
    (day, month), (limit,) = shown["windows"], shown["limits"]
    assert (shown["kind"], shown["name"], day["window"]) == ("agent", bench.agent, "day")
    assert day["spent_micros"] == month["spent_micros"] == 25 * CENT
    assert (limit["key"], limit["limit"], limit["room"]) == ("day_usd", 90 * CENT, 5 * CENT)
    assert [hold["run"] for hold in shown["reserved"]] == [holder.run.id]
    assert shown["waiting"] == [waiter.run.id]
    assert (team["kind"], team["windows"][0]["spent_micros"]) == ("team", 25 * CENT)
    assert "day_usd: $0.8500 of $0.9000 spent or reserved, until" in text
    assert f"{holder.run.id} holds $0.6000, 0 tokens since" in text
    assert f"{waiter.run.id} waits for room" in text


async def test_show_lists_teams_and_agents(stack: Stack) -> None:
    """Every agent has an account, with limits or without; pipelines have none."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100)
        await keepers_listed(stack, bench.agent)
        rows = (await budget(stack, "show", "--json")).json
        table = (await budget(stack, "show")).out
    assert of(rows, bench.agent)["limits"] == []
    assert of(rows, bench.team)["limits"][0]["limit"] == 100 * CENT
    assert f"team {bench.team}" in table


async def test_show_of_an_unknown_account_names_a_close_one(stack: Stack) -> None:
    """A typing mistake is told with the name that was meant."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100)
        ended = await budget(stack, "show", "--team", f"{bench.team}x")
    assert ended.code == ExitCode.NOT_FOUND
    assert f"did you mean '{bench.team}'?" in ended.err


async def test_raise_gives_the_day_more_and_wakes_whoever_waits(stack: Stack) -> None:
    """The only limit need not be named; who gave it and why is kept."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100)
        first, waiter = await bench.come("f"), await bench.come("w")
        await bench.ask(first, 100)
        await bench.ask(waiter, 50)
        how = ("--usd", "0.5", "--reason", "month end", "--by", "ann")
        raised = (await budget(stack, "raise", "--team", bench.team, *how, "--json")).json
        await waiter.handle.execute_update("heard", 1)
        text = (await budget(stack, "show", "--team", bench.team)).out
    (day, _), (limit,) = raised["windows"], raised["limits"]
    assert (day["raised_micros"], limit["limit"], limit["room"]) == (
        50 * CENT,
        150 * CENT,
        50 * CENT,
    )
    assert [(each["by"], each["reason"]) for each in day["raises"]] == [("ann", "month end")]
    assert "was raised by $0.5000 by ann: month end" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--usd", "1"), ExitCode.WRONG, "give --day or --month"),
        (("--tokens", "5"), ExitCode.WRONG, "has no such limit of a day or a month"),
        (("--usd", "1", "--steps", "5"), ExitCode.WRONG, "days and months count no steps"),
        (("--tokens", "5", "--day"), ExitCode.FAILED, "has no day_tokens: there is nothing"),
        (("--usd", "0.0000001"), ExitCode.WRONG, "say how much: --usd, --tokens or --steps"),
    ],
)
async def test_raise_that_is_not_clear_says_what_is_missing(
    stack: Stack, arguments: tuple[str, ...], code: ExitCode, message: str
) -> None:
    """Nothing is raised by guessing."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100)
        limits = {"day_usd": 1, "month_usd": 9}
        await stack.declare(bench.agent, runtime={"kind": "scripted", "turns": []}, budget=limits)
        ended = await budget(stack, "raise", bench.agent, "--reason", "r", *arguments)
        account = await bench.agent_account()
    assert (ended.code, account.windows) == (code, {})
    assert message in ended.err


async def test_raise_of_neither_agent_nor_run_says_so(stack: Stack) -> None:
    """A name that is no agent is taken for the id of a run."""
    async with stack.worker():
        missing = await budget(stack, "raise", "nobody-1", "--usd", "1", "--reason", "r")
        both = await budget(stack, "raise", "a", "--team", "b", "--usd", "1", "--reason", "r")
    assert (missing.code, both.code) == (ExitCode.NOT_FOUND, ExitCode.WRONG)
    assert "no run 'nobody-1'" in missing.err


async def test_raise_of_a_parked_run_lets_it_go_on(stack: Stack) -> None:
    """Its own limit is reached after one turn of two; the command that it shows is enough."""
    async with stack.worker([add]):
        name = stack.name("report")
        await stack.declare(name, **spending(1000, 100), budget={"run_usd": 0.0011})
        run = await stack.start(name, f"{name}-1")
        hint = shlex.split((await parked(run)).split("'")[1])
        assert hint[:2] == ["rota", "budget"]
        refused = await budget(stack, *hint[2:], "--day")
        ended = await budget(stack, *hint[2:], "--json")
        result = await run.result()
    assert (refused.code, "leave out --day" in refused.err) == (ExitCode.WRONG, True)
    assert ended.json["run"] == run.id
    assert "the run was given $" in ended.json["told"]
    assert result.output == "done"
