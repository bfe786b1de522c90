"""`rota cost`, and every figure of money in four places: transcript, result, ledger, account."""

import random

import pytest
from temporalio.client import WorkflowFailureError

from activities.documents import get_node
from activities.runtimes.open import OpenRuntimes
from rota.budgets.costs import Cost, cost_of
from rota.budgets.reservations import Account, WindowKind
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text, ToolCall
from rota.failures import FailureCategory, StepError
from rota.runs import AgentRunResult, RunStatus
from rota.usage import Usage, sum_of
from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate, keepers_listed
from tests.workflows.handing import asks as asks_agent
from tests.workflows.handing import told_by
from tests.workflows.money import add, priced, spending, turn
from tests.workflows.notified import details_of
from tests.workflows.providers import Provider, asks, provide
from tests.workflows.watched import look_often
from workers.cli.exit_codes import ExitCode

pytestmark = pytest.mark.usefixtures("only_here")

SEED = 20261123
RUNS = 8
PRICES = {
    "main": {"input_usd_per_mtok": 3, "output_usd_per_mtok": 15},
    "spare": {"input_usd_per_mtok": 0.7, "output_usd_per_mtok": 1.3},
}


class Moody:
    """A provider that calls tools, stumbles, and is sometimes paid for nothing; by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.faults = 0

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Take one turn."""
        dice = self._random
        if dice.random() < 0.35:
            self.faults += 1
            billed = dice.random() < 0.5
            raise StepError(FailureCategory.OVERLOADED, "no capacity", maybe_billed=billed)
        goes_on = dice.random() < 0.5
        call = ToolCall(id="call-1", name="calc.add", args={"a": 1, "b": 2})
        return ModelReply(
            message=Message(role="assistant", content=(call if goes_on else Text(text="done"),)),
            stop=StopReason.TOOL_CALLS if goes_on else StopReason.END_TURN,
            usage=Usage(input_tokens=dice.randint(1, 999), output_tokens=dice.randint(1, 99)),
            model=request.settings["model"],
        )


async def cost(stack: Stack, *arguments: str) -> Ended:
    """Run `rota cost` against the stack's corner of the server."""
    options = ("--address", stack.address, "--store", stack.store.address)
    return await rota("cost", *arguments, *options, "--task-queue", stack.task_queue)


async def ended(stack: Stack, name: str, run_id: str) -> AgentRunResult:
    """Run it, and return what it tells of itself, well or badly ended."""
    run = await stack.start(name, run_id)
    try:
        return await run.result()
    except WorkflowFailureError:
        return (await ending_of(run)).result


async def told_by_transcript(stack: Stack, result: AgentRunResult) -> Usage:
    """What the nodes of a run's transcript add up to."""
    usages: list[Usage] = []
    head = result.transcript
    while head is not None:
        node = await get_node(stack.store, head)
        usages.append(node.usage)
        head = node.parent
    return sum_of(usages)


def in_all_days(account: Account) -> Cost:
    """What an account has counted in its days, be it midnight in between."""
    days = account.windows[WindowKind.DAY]
    return Cost(
        runs=sum(day.runs for day in days),
        micros=sum(day.spent.micros for day in days),
        tokens=sum(day.spent.tokens for day in days),
        unpriced_runs=sum(day.unpriced_runs for day in days),
        unknown_micros=sum(day.unknown.micros for day in days),
        unknown_tokens=sum(day.unknown.tokens for day in days),
    )


async def test_every_figure_of_money_is_the_same_in_four_places(stack: Stack) -> None:
    """Transcripts, results, `rota cost` and the account agree to the micro-dollar."""
    moody = Moody(SEED)
    stack.runtimes = OpenRuntimes({"anthropic": lambda: moody})
    name = stack.name("moody")
    spare = asks(stack, "spare", price=PRICES["spare"])
    runtime = asks(stack, price=PRICES["main"], fallback=[spare], fallback_after=2)
    retry = {"attempts": 3, "backoff": "10ms"}
    async with stack.worker([add]):
        await stack.declare(name, runtime=runtime, tools=[add.name], retry=retry)
        results = [await ended(stack, name, f"{name}-{n}") for n in range(RUNS)]
        shown = {
            by: (await cost(stack, name, "--by", by, "--json")).json
            for by in ("run", "model", "day", "team")
        }
        account = (await stack.keeper(name)).account
    told = {result.run_id: cost_of(result.usage).model_dump() for result in results}
    assert {group.pop("key"): group for group in shown["run"]["groups"]} == told
    whole = cost_of(sum_of(result.usage for result in results)).model_copy(update={"runs": RUNS})
    for document in shown.values():
        assert document["total"] == whole.model_dump()
        assert sum(group["micros"] for group in document["groups"]) == whole.micros
    uncounted = {"unknown_attempts"}
    assert in_all_days(account).model_dump(exclude=uncounted) == whole.model_dump(exclude=uncounted)
    for result in results:
        written = await told_by_transcript(stack, result)
        assert (written.cost_micros, written.tokens) == (
            result.usage.cost_micros,
            result.usage.tokens,
        )
        if result.status is RunStatus.SUCCEEDED:
            assert written == result.usage
    models = {group["key"]: group["micros"] for group in shown["model"]["groups"]}
    assert moody.faults > 0
    assert whole.unknown_attempts > 0
    assert models["model-main"] > 0
    assert models["model-spare"] > 0
    assert models[""] == 0


async def test_cost_of_a_lost_run_is_unknown_in_ledger_and_account_alike(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told nobody what it spent: all it held may be, and none of it is in the cost."""
    look_often(monkeypatch)
    name, gate = stack.name("lost"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, budget={"day_usd": 5, "run_usd": 1})
        run = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        at_work = await cost(stack, name)
        await run.terminate("by force")
        gate.opened.set()
        # Who waits for its session has the keeper look for it.
        await stack.run(name, f"{name}-2")
        account = (await stack.keeper(name)).account
        document = (await cost(stack, name, "--json")).json
    assert "1 at work, whose cost is not counted yet" in at_work.err
    counted = in_all_days(account)
    assert (counted.runs, counted.micros, counted.unknown_micros) == (2, 0, 1_000_000)
    assert document["total"] == counted.model_copy(update={"unknown_attempts": 1}).model_dump()


async def test_cost_of_a_tree_is_the_sum_of_its_agents_ledgers(stack: Stack) -> None:
    """Each run counts once, with its own agent: what the caller tells of those below is theirs."""
    caller, called = stack.name("caller"), stack.name("called")
    first = turn(300, calls=[asks_agent(called, n=0)])
    runtime = priced(first, turn(200, result=told_by(called)))
    async with stack.worker([add]):
        await stack.declare(called, **spending(1000, 500))
        await stack.declare(caller, runtime=runtime, tools=[f"agents.{called}"])
        result = await stack.run(caller, f"{caller}-1")
        totals = [(await cost(stack, n, "--json")).json["total"] for n in (caller, called)]
    assert [total["micros"] for total in totals] == [500, 1500]
    assert totals[0]["micros"] == result.usage.cost_micros
    assert totals[1]["micros"] == result.below.cost_micros


async def test_cost_tells_unpriced_runs_apart_and_lists_every_agent(stack: Stack) -> None:
    """What has no price is never nothing, here and in the Temporal UI; by agent unless told."""
    provide(stack, main=Provider())
    dear, free = stack.name("dear"), stack.name("free")
    async with stack.worker([add]):
        await stack.declare(dear, **spending(1000, 200), team="finance")
        await stack.declare(free, runtime=asks(stack))
        await stack.run(dear, f"{dear}-1")
        await stack.run(free, f"{free}-1")
        await keepers_listed(stack, dear, free)
        document = (await cost(stack, "--json")).json
        text = (await cost(stack, dear, "--since", "1d")).out
        details = [
            await details_of(stack.client.get_workflow_handle(f"{name}-1")) for name in (dear, free)
        ]
        none = await cost(stack, dear, "--since", "2199-01-01")
    groups = {group["key"]: group for group in document["groups"]}
    assert (document["by"], document["since"]) == ("agent", None)
    assert (groups[dear]["micros"], groups[dear]["unpriced_runs"]) == (1200, 0)
    assert (groups[free]["tokens"], groups[free]["unpriced_runs"]) == (11, 1)
    assert "$0.0012" in text
    assert "2 turns, 1 tool calls, 1200 tokens, $0.0012" in details[0]
    assert "1 turns, 0 tool calls, 11 tokens, unpriced" in details[1]
    assert none.err == f"no runs of {dear} since then\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--since", "yesterday"), ExitCode.WRONG, "neither a date, such as 2026-11-01, nor"),
        (("nobody-at-all",), ExitCode.NOT_FOUND, "no agent 'nobody-at-all'"),
    ],
)
async def test_cost_of_what_cannot_be_says_so(
    stack: Stack, arguments: tuple[str, ...], code: ExitCode, message: str
) -> None:
    """One line, and the exit code of a wrong word."""
    ended = await cost(stack, *arguments)
    assert (ended.code, message in ended.err) == (code, True)
