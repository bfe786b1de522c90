"""Past runs to be run again: an agent that reads, posts and remembers, and what was really done."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from rota.budgets.reservations import Cap
from rota.tools import ToolContext, ToolDefinition, tool
from rota.what_if.backtest import (
    BACKTEST_TYPE,
    CASES_MEMO,
    BacktestInput,
    BacktestProgress,
    Unrecorded,
)
from rota.what_if.compare import Comparison
from tests.stack import Stack, script
from workers.cli.any_run import describe_run
from workers.cli.run_view import view_of
from workers.what_if.cases import case_of, comparison_of
from workers.what_if.past_runs import PastRun, SpecReader, read_past_run
from workers.what_if.variants import Variant


@dataclass
class Office:
    """Tools that count what really happened."""

    reads: list[str] = field(default_factory=list[str])
    posts: list[str] = field(default_factory=list[str])

    @property
    def tools(self) -> tuple[ToolDefinition, ...]:
        """`office.read` (another answer each time), `office.post` and `office.pay`."""
        office = self

        @tool(name="office.read")
        def read(account: str) -> dict[str, Any]:
            """Read an account."""
            office.reads.append(account)
            return {"account": account, "balance": 100 * len(office.reads)}

        @tool(name="office.post", effect="idempotent")
        def post(context: ToolContext, text: str) -> str:
            """Post an entry."""
            office.posts.append(text)
            return f"posted {text} as {context.idempotency_key[:4]}"

        @tool(name="office.pay", effect="write")
        def pay(to: str) -> str:
            """Pay somebody."""
            office.posts.append(f"paid {to}")
            return "paid"

        return (read, post, pay)


_NUMBERS = itertools.count(1)
TOOLS = ("office.read", "office.post", "office.pay", "memory.update")
READS = {"calls": [{"tool": "office.read", "args": {"account": "{input.account}"}}]}
POSTS = {
    "calls": [
        {"tool": "office.post", "args": {"text": "is {results.office_read.balance}"}},
        {"tool": "memory.update", "args": {"patch": {"last": "{results.office_read.balance}"}}},
    ]
}
ANSWERS = {"result": {"balance": "{results.office_read.balance}", "before": "{memory}"}}
USED = {"usage": {"input_tokens": 1000, "output_tokens": 100}}
ANY = {"schema": {"type": "object"}}
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}


def clerk(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The declaration of an agent that plays these turns, each for $0.002."""
    played = turns or (READS, POSTS, ANSWERS)
    runtime = script(*({**turn, **USED} for turn in played))
    return {"runtime": {**runtime, "price": PRICE}, "tools": list(TOOLS), "output": ANY, **more}


def tried(*turns: dict[str, Any]) -> Variant:
    """Another script in place of the agent's own."""
    return Variant(runtime=clerk(*turns)["runtime"])


async def past_run(stack: Stack, run_id: str) -> PastRun:
    """Read a run that has ended."""
    view = await view_of(await describe_run(stack.client, run_id))
    past = await read_past_run(stack.store, view, SpecReader(stack.store))
    assert past is not None
    return past


@dataclass(frozen=True)
class Played:
    """A backtest that has ended."""

    id: str
    progress: BacktestProgress
    comparisons: list[Comparison]


async def backtest(
    stack: Stack,
    run_ids: list[str],
    variant: Variant | None = None,
    *,
    unrecorded: Unrecorded = Unrecorded.FAIL,
    micros: int = 1_000_000,
    parallel: int = 4,
) -> Played:
    """Run past runs again, as the command does."""
    past = [await past_run(stack, run_id) for run_id in run_ids]
    cases = [await case_of(stack.store, each, variant or Variant()) for each in past]
    agent = past[0].view.result.agent
    id = f"backtest-{stack.name(agent)}-{next(_NUMBERS)}"
    progress = await stack.client.execute_workflow(
        BACKTEST_TYPE,
        BacktestInput(
            agent=agent,
            cases=tuple(cases),
            unrecorded=unrecorded,
            cap=Cap(micros=micros),
            parallel=parallel,
        ),
        id=id,
        task_queue=stack.task_queue,
        result_type=BacktestProgress,
        memo={CASES_MEMO: [case.key for case in cases]},
    )
    pairs = zip(past, progress.cases, strict=True)
    return Played(id, progress, [await comparison_of(stack.store, *pair) for pair in pairs])
