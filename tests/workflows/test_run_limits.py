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


def endless(fake: AnthropicFake, input_tokens: int = 60, output_tokens: int = 40) -> None:
    """Let the model call a tool in every turn, at so many tokens each."""

    def call(request: dict[str, Any]) -> Answer:
        usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
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


BRIEF = {"max_output_tokens": 100}
FAIL: dict[str, Any] = {"on_exceeded": "fail"}


async def test_run_whose_next_call_is_over_its_tokens_makes_it_not(stack: Stack) -> None:
    """Two turns of 1000 tokens leave 500 of 2500: the third is not asked for."""
    async with AnthropicFake() as fake:
        endless(fake, 900, 100)
        budget = {"run_tokens": 2500, **FAIL}
        async with thinker(stack, fake, tools=[add], runtime=BRIEF, budget=budget) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "and 500 of 2500 are left (budget.run_tokens)" in ending.message
    assert (ending.result.turns, ending.result.usage.tokens, len(fake.requests)) == (2, 2000, 2)


async def test_run_that_has_used_up_its_tokens_takes_no_step(stack: Stack) -> None:
    """A turn that took more than was thought is finished; no tool and no turn follows it."""
    async with AnthropicFake() as fake:
        endless(fake, 2400, 100)
        budget = {"run_tokens": 2500, **FAIL}
        async with thinker(stack, fake, tools=[add], runtime=BRIEF, budget=budget) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert "2500 tokens used of 2500 (budget.run_tokens)" in ending.message
    assert (ending.result.turns, ending.result.tool_calls) == (1, 0)


async def test_run_whose_next_call_is_over_its_cost_makes_it_not(stack: Stack) -> None:
    """At 1400 micro-dollars a turn there is no room for a third one."""
    async with AnthropicFake() as fake:
        endless(fake, 900, 100)
        budget = {"run_usd": 0.004, **FAIL}
        async with thinker(stack, fake, tools=[add], runtime=BRIEF, budget=budget) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert "$0.0012 of $0.0040 is left (budget.run_usd)" in ending.message
    assert (ending.result.turns, ending.result.usage.cost_micros) == (2, 2800)


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
