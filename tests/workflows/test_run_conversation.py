"""Turns and tools of a run over the fake Claude API, on the real server."""

import json
from typing import Any

from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import ToolContext, tool
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import ending_of, events_of, kinds_of, thinker

TOTAL = {
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}


@tool(name="calc.add")
def add(a: int, b: int) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


@tool(name="books.key", effect="idempotent")
def book_key(page: int, context: ToolContext) -> str:
    """Return the idempotency key of this call."""
    return context.idempotency_key


def results_in(request: Any) -> list[dict[str, Any]]:
    """The tool results that the last message of a request carries."""
    blocks = request.body["messages"][-1]["content"]
    return [block for block in blocks if block["type"] == "tool_result"]


async def test_run_parallel_calls_run_at_once_and_are_answered_in_order(stack: Stack) -> None:
    """One turn's calls are one step: each gets its own result, and usage is summed."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    async with AnthropicFake() as fake:
        fake.call_tools(
            ("calc__add", {"a": 1, "b": 2}), ("calc__add", {"a": 3, "b": 4}), usage=usage
        )
        fake.say('{"total": 10}', usage=usage)
        async with thinker(stack, fake, tools=[add], output={"schema": TOTAL}) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            kinds = kinds_of(await events_of(handle))
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, {"total": 10})
    assert (result.turns, result.tool_calls) == (2, 2)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (20, 10)
    assert (result.usage.cost_micros or 0) > 0
    contents = [json.loads(block["content"])["sum"] for block in results_in(fake.requests[1])]
    assert contents == [3, 7]
    first = kinds.index("ACTIVITY_TASK_SCHEDULED", kinds.index("ACTIVITY_TASK_COMPLETED"))
    assert kinds[first : first + 2] == ["ACTIVITY_TASK_SCHEDULED"] * 2


async def test_run_same_call_twice_gets_two_keys(stack: Stack) -> None:
    """Equal calls of one run are two effects, so their idempotency keys differ."""
    async with AnthropicFake() as fake:
        fake.call_tools(("books__key", {"page": 1}), ("books__key", {"page": 1}))
        fake.say("Done.")
        async with thinker(stack, fake, tools=[book_key]) as name:
            await stack.run(name, f"{name}-1")
    first, second = (block["content"] for block in results_in(fake.requests[1]))
    assert first
    assert second
    assert first != second


async def test_run_mistaken_calls_go_back_to_the_model_which_mends_them(stack: Stack) -> None:
    """Arguments that do not fit and a tool that is not there are errors the model reads."""
    async with AnthropicFake() as fake:
        fake.call_tools(("calc__add", {"a": "one"}), ("calc__divide", {"a": 1}))
        fake.call_tool("calc__add", {"a": 1, "b": 2})
        fake.say("3")
        async with thinker(stack, fake, tools=[add]) as name:
            result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output, result.turns) == (RunStatus.SUCCEEDED, "3", 3)
    wrong, unknown = results_in(fake.requests[1])
    assert wrong["is_error"]
    assert "a: " in wrong["content"]
    assert "b: " in wrong["content"]
    assert unknown["is_error"]
    assert "there is no tool" in unknown["content"]
    assert "calc.add" in unknown["content"]
    assert not results_in(fake.requests[2])[0].get("is_error")


async def test_run_answer_off_the_schema_gets_one_repair_turn(stack: Stack) -> None:
    """The model reads what does not fit, and a mended answer is a success."""
    async with AnthropicFake() as fake:
        fake.say('{"total": "ten"}')
        fake.say('{"total": 10}')
        async with thinker(stack, fake, output={"schema": TOTAL}) as name:
            result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output, result.turns) == (RunStatus.SUCCEEDED, {"total": 10}, 2)
    assert "total: 'ten' is not of type 'integer'" in json.dumps(fake.requests[1].body["messages"])


async def test_run_answer_off_the_schema_twice_fails(stack: Stack) -> None:
    """One repair turn, not two: then the run fails and says what did not fit."""
    async with AnthropicFake() as fake:
        fake.say("No idea.")
        fake.say('{"sum": 10}')
        async with thinker(stack, fake, output={"schema": TOTAL}) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_INVALID
    assert "'total' is a required property" in ending.message
    assert ending.result.output is None
    assert len(fake.requests) == 2
