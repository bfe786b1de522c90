"""The sums of money agree: transcript, result, ledger, account, list; whatever went wrong."""

import random
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

import activities.call_prices
from activities.documents import get_transcript
from rota.budgets.reservations import Amount, WindowKind
from rota.failures import FailureCategory, StepError
from rota.runs import AgentRunResult, RunStatus
from rota.runtimes.breaker import BreakerPolicy
from rota.tools import tool
from rota.usage import Usage, sum_of
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import ending_of, thinker
from tests.workflows.gates import Gate, poll
from tests.workflows.money import give, parked
from tests.workflows.providers import Play, Provider, asks, provide
from tests.workflows.standing import Run
from workflows.run_kit.visibility import COST

PRICE = {"input_usd_per_mtok": 7, "output_usd_per_mtok": 3}
TURN = 10 * 7 + 1 * 3
"""Micro-dollars of a provider's turn at that price."""
DEAR = {"input_usd_per_mtok": 100, "output_usd_per_mtok": 100}
RETRY = {"attempts": 4, "backoff": "10ms"}


@tool(name="books.count")
def count() -> int:
    """Count."""
    return 7


CALL: Play = ("books.count", {})


async def counted(stack: Stack, name: str, result: AgentRunResult) -> Usage:
    """What a run has used, in five places that must agree; returns what all of them say."""
    shown = await stack.client.get_workflow_handle(result.run_id).describe()
    nodes = await get_transcript(stack.store, result.transcript)
    keeper = await stack.keeper(name)
    (entry,) = keeper.ledger.values()
    (day,) = keeper.account.windows[WindowKind.DAY]
    (month,) = keeper.account.windows[WindowKind.MONTH]
    usage = result.usage
    assert sum_of(node.usage for node in nodes).cost_micros == usage.cost_micros
    assert entry.usage == usage
    assert shown.typed_search_attributes.get(COST) == usage.cost_micros
    spent = Amount(micros=usage.counted_micros, tokens=usage.tokens)
    unknown = Amount(micros=usage.unknown_micros, tokens=usage.unknown_tokens)
    assert (day.spent, day.unknown) == (month.spent, month.unknown) == (spent, unknown)
    assert not keeper.account.holds
    return usage


async def finished(run: Run) -> AgentRunResult:
    """The run's result, whichever way it ends."""
    try:
        return await run.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        return AgentRunResult.model_validate(error.cause.details[0])


async def test_agent_without_money_asks_nobody(stack: Stack) -> None:
    """Not one request reaches the provider, and nothing is counted."""
    async with AnthropicFake() as fake:
        budget = {"run_usd": 0.000001, "on_exceeded": "fail"}
        async with thinker(stack, fake, budget=budget) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
            usage = await counted(stack, name, ending.result)
    assert fake.requests == []
    assert "(budget.run_usd)" in ending.message
    assert usage == Usage()


async def test_price_that_changes_between_turns_leaves_each_turn_its_own(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid at the old prices stays paid at them; the sum is that of the parts."""
    gate = Gate()
    main = Provider(("gate.pass", {}), "done")
    provide(stack, main=main)
    monkeypatch.setattr(activities.call_prices, "price", lambda *_: 11)
    monkeypatch.setattr(activities.call_prices, "price_table_version", lambda: "table 1")
    name = stack.name("agent")
    async with stack.worker([gate.tool]):
        await stack.declare(name, runtime=asks(stack), tools=["gate.pass"])
        run = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        monkeypatch.setattr(activities.call_prices, "price", lambda *_: 500)
        monkeypatch.setattr(activities.call_prices, "price_table_version", lambda: "table 2")
        gate.opened.set()
        result = await run.result()
        usage = await counted(stack, name, result)
        nodes = await get_transcript(stack.store, result.transcript)
    assert [(node.prices, node.usage.cost_micros) for node in nodes] == [
        ("table 1", 11),
        ("table 2", 500),
    ]
    assert usage.cost_micros == 511


async def test_fallback_with_a_price_of_its_own_is_counted_at_that(stack: Stack) -> None:
    """Each answer costs what whoever gave it takes."""
    down = StepError(FailureCategory.OVERLOADED, "no capacity")
    main, spare = Provider(CALL, down, down), Provider("done")
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    runtime = asks(stack, price=PRICE, fallback=[asks(stack, "spare", price=DEAR)])
    async with stack.worker([count]):
        await stack.declare(name, runtime=runtime, tools=["books.count"], retry=RETRY)
        usage = await counted(stack, name, await stack.run(name, f"{name}-1"))
    assert usage.cost_micros == TURN + 11 * 100


FAULTS: tuple[tuple[FailureCategory, bool], ...] = (
    (FailureCategory.OVERLOADED, True),
    (FailureCategory.OVERLOADED, False),
    (FailureCategory.TRANSIENT, True),
    (FailureCategory.TIMEOUT, True),
    (FailureCategory.RATE_LIMITED, False),
)
ENDS: tuple[FailureCategory | None, ...] = (
    None,
    None,
    FailureCategory.AUTH,
    FailureCategory.INVALID_REQUEST,
)


def trouble(chance: random.Random) -> tuple[list[Play], int]:
    """A run's three turns with faults before each, maybe a last one; how many may be billed."""
    plays: list[Play] = []
    billed = 0
    last = chance.choice(ENDS)
    for turn in range(3):
        for _ in range(chance.randrange(3)):
            category, maybe = chance.choice(FAULTS)
            plays.append(StepError(category, "trouble", maybe_billed=maybe))
            billed += maybe
        if turn == 2 and last is not None:
            maybe = chance.random() < 0.5
            plays.append(StepError(last, "the end", maybe_billed=maybe))
            return plays, billed + maybe
        plays.append(CALL if turn < 2 else "done")
    return plays, billed


@pytest.mark.parametrize("seed", range(8))
async def test_sums_agree_after_any_trouble_with_the_provider(stack: Stack, seed: int) -> None:
    """Known and unknown, to the micro-dollar, in runs that end well, end badly, or park first."""
    # Some of these troubles open the breaker, some do not: as calls are reported in time.
    stack.breaker_policy = BreakerPolicy(open_seconds=0.1, probe_pause_seconds=0.1)
    chance = random.Random(seed)
    plays, billed = trouble(chance)
    provide(stack, main=Provider(*plays))
    budget: dict[str, Any] = {"day_usd": 1}
    if parks := chance.random() < 0.5:
        # Less than any first call may cost.
        budget["run_usd"] = 0.0001
    name = stack.name("agent")
    runtime = asks(stack, price=PRICE, max_output_tokens=100)
    async with stack.worker([count]):
        await stack.declare(
            name, runtime=runtime, tools=["books.count"], retry=RETRY, budget=budget
        )
        run = await stack.start(name, f"{name}-{seed}")
        if parks:
            await parked(run)
            await give(run, micros=900_000)
        result = await finished(run)
        usage = await counted(stack, name, result)
    assert usage.unknown_attempts == billed
    assert (usage.unknown_micros > 0) is (billed > 0)
    assert usage.cost_micros == result.turns * TURN
    good = isinstance(plays[-1], str)
    assert (result.status is RunStatus.SUCCEEDED) is good


async def test_sums_agree_of_a_run_that_is_cancelled_within_a_call(stack: Stack) -> None:
    """A call whose answer nobody waits for is unknown, at its estimate, in all four places."""
    provider = Provider(CALL)
    provide(stack, main=provider)
    name = stack.name("agent")
    async with stack.worker([count]):
        runtime = asks(stack, price=PRICE, max_output_tokens=100)
        await stack.declare(name, runtime=runtime, tools=["books.count"], budget={"day_usd": 1})
        provider.seconds = 0.2
        run = await stack.start(name, f"{name}-1")

        async def second() -> bool | None:
            return provider.calls == 2 or None

        await poll(second)
        await run.cancel()
        with pytest.raises(WorkflowFailureError):
            await run.result()
        keeper = await stack.keeper(name)
    (entry,) = keeper.ledger.values()
    (day,) = keeper.account.windows[WindowKind.DAY]
    assert (entry.status, entry.usage.cost_micros) == (RunStatus.CANCELLED, TURN)
    assert entry.usage.unknown_attempts == 1
    assert entry.usage.unknown_micros == day.unknown.micros > 0
    assert (day.spent.micros, keeper.account.holds) == (TURN, {})
