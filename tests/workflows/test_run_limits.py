"""What a run may consume, and how it ends when it wants more: on the real server."""

from typing import Any

from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import tool
from tests.fakes.anthropic_answers import Answer, Hang
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import ending_of, thinker


@tool(name="calc.add")
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def endless(fake: AnthropicFake) -> None:
    """Let the model call a tool in every turn, at 100 tokens each."""

    def call(request: dict[str, Any]) -> Answer:
        usage = {"input_tokens": 60, "output_tokens": 40}
        return Answer((fake.tool_use("calc__add", {"a": 1, "b": 1}),), "tool_use", usage)

    fake.respond_with(call)


async def test_run_that_never_answers_ends_at_max_turns(stack: Stack) -> None:
    """The last allowed turn is taken, the next one is not asked for."""
    async with AnthropicFake() as fake:
        endless(fake)
        async with thinker(stack, fake, tools=[add], runtime={"max_turns": 2}) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.kind == "RunFailed"
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "runtime.max_turns" in ending.message
    assert ending.result.turns == len(fake.requests) == 2


async def test_run_over_its_tokens_ends_before_the_next_step(stack: Stack) -> None:
    """The turn that crosses the line is finished; no tool and no turn follows it."""
    async with AnthropicFake() as fake:
        endless(fake)
        async with thinker(stack, fake, tools=[add], budget={"run_tokens": 150}) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "200 tokens used of 150 (budget.run_tokens)" in ending.message
    assert (ending.result.turns, ending.result.tool_calls) == (2, 1)


async def test_run_over_its_cost_ends_before_the_next_step(stack: Stack) -> None:
    """At 260 micro-dollars a turn the second one crosses the line, and is the last."""
    async with AnthropicFake() as fake:
        endless(fake)
        async with thinker(stack, fake, tools=[add], budget={"run_usd": 0.0003}) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "$0.0005 spent of $0.0003 (budget.run_usd)" in ending.message
    assert (ending.result.turns, ending.result.usage.cost_micros) == (2, 520)


async def test_run_over_its_wall_clock_times_out_within_a_step(stack: Stack) -> None:
    """A turn that hangs does not hold the run beyond its limit; its cost stays in sight."""
    async with AnthropicFake() as fake:
        fake.add(Hang())
        async with thinker(stack, fake, budget={"wall_clock": "1s"}) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
            (entry,) = (await stack.keeper(name)).ledger.values()
        fake.release()
    assert ending.kind == "RunTimedOut"
    assert ending.result.status is RunStatus.TIMED_OUT
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "budget.wall_clock" in ending.message
    assert ending.result.usage.unknown_attempts == 1
    assert (entry.status, len(fake.requests)) == (RunStatus.TIMED_OUT, 1)
