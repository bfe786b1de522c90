"""An agent's account on the real server: runs that end by force, days that are raised."""

import pytest

from rota.budgets.reservations import Account, BudgetRaise, HoldRequest, Tally, WindowKind
from rota.ids import keeper_id
from rota.keepers.state import KeeperState
from tests.stack import Stack
from tests.workflows.budget_bench import CENT, BudgetBench
from tests.workflows.gates import GATED, Gate, until
from tests.workflows.money import priced, turn
from tests.workflows.watched import look_often

DOLLAR = 100 * CENT
ONE_A_DAY = {"day_usd": 1, "run_usd": 1}
DEAR = {
    "runtime": priced(turn(CENT, calls=[{"tool": "gate.pass"}]), turn(CENT, result="done")),
    "tools": ["gate.pass"],
}
"""Its first turn costs a cent, and stops it at the gate."""


def today(account: Account) -> Tally:
    """The newest day; an empty one before anything was counted."""
    return account.windows.get(WindowKind.DAY, (Tally(key=""),))[-1]


async def test_terminated_run_counts_what_is_on_record_and_the_rest_it_held_as_unknown(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is told of what a person gives on top, not of what may be spent.

    The ledger has the same sums as the account.
    """
    look_often(monkeypatch)
    bench, gate = BudgetBench(stack), Gate()
    async with stack.worker([gate.tool]), bench.spenders():
        await stack.declare(bench.agent, **DEAR, budget=ONE_A_DAY)
        run = await stack.start(bench.agent, f"{bench.agent}-1")
        await gate.reached.wait()
        waiter = await bench.come("waiter")
        keeper = stack.client.get_workflow_handle(keeper_id(bench.agent))
        request = HoldRequest(agent=bench.agent, run=waiter.run)
        assert "day_usd" in (await keeper.execute_update("hold", request))["refused"]
        await run.terminate("by force")
        gate.opened.set()
        lost = await until(
            stack, bench.agent, lambda state: bool(today(state.account).unknown.micros)
        )
        assert await waiter.handle.query("told") == 0
        given = BudgetRaise(id="r1", window=WindowKind.DAY, micros=DOLLAR, by="ann")
        await keeper.execute_update("raise_budget", given)
        await waiter.handle.execute_update("heard", 1)
    tally, (entry,) = today(lost.account), lost.ledger.values()
    assert (tally.spent.micros, tally.unknown.micros, tally.runs) == (CENT, DOLLAR - CENT, 1)
    assert (entry.usage.cost_micros, entry.usage.unknown_micros) == (CENT, DOLLAR - CENT)


async def test_keeper_shows_what_its_agent_has_spent(stack: Stack) -> None:
    """The Temporal UI tells it without a query of one's own."""
    name = stack.name("report")
    runtime = {
        "kind": "scripted",
        "turns": [{"result": "done", "usage": {"output_tokens": 1000}}],
        "price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 50},
    }

    def settled(state: KeeperState) -> bool:
        return today(state.account).runs == 1

    async with stack.worker():
        await stack.declare(name, runtime=runtime, budget={"day_usd": 1})
        await stack.run(name, f"{name}-1")
        await until(stack, name, settled)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        shown = (await keeper.query("__temporal_workflow_metadata")).current_details
    assert "$0.0500, 1,000 tokens; 1 run" in shown
    assert "day_usd: $0.0500 of $1.0000 spent or reserved, until" in shown


async def test_declaration_with_a_zone_that_is_none_is_refused_and_the_keeper_lives(
    stack: Stack,
) -> None:
    """There would be no day to count in; what was in force stays so."""
    name = stack.name("report")
    async with stack.worker():
        await stack.declare(name, **GATED, budget=ONE_A_DAY)
        with pytest.raises(Exception, match="Workflow update failed") as refused:
            await stack.declare(name, **GATED, budget={**ONE_A_DAY, "timezone": "Mars/Base"})
        state = await stack.keeper(name)
    assert "budget.timezone: 'Mars/Base' is not a time zone" in str(refused.value.__cause__)
    assert state.spec is not None
    assert state.spec.budget_timezone == "UTC"
