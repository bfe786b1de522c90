"""Large prompts, results and answers travel outside history: on the real server."""

from typing import Any

from temporalio.client import WorkflowHandle

from rota.runs import RunStatus
from rota.tools import tool
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import events_of, thinker

MEGABYTE = 1024 * 1024


@tool(name="warehouse.dump")
def dump() -> str:
    """Return 5 MB."""
    return "x" * (5 * MEGABYTE)


async def history_bytes(handle: WorkflowHandle[Any, Any]) -> int:
    """Size of a run's history on the wire."""
    return sum(event.ByteSize() for event in await events_of(handle))


async def test_run_with_five_megabytes_from_a_tool_stays_small_in_history(stack: Stack) -> None:
    """The model gets every byte; history gets a digest."""
    async with AnthropicFake() as fake:
        fake.call_tool("warehouse__dump", {})
        fake.say("Done.")
        async with thinker(stack, fake, tools=[dump]) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            size = await history_bytes(handle)
    assert result.status is RunStatus.SUCCEEDED
    content = fake.requests[1].body["messages"][-1]["content"][0]["content"]
    assert len(content) == 5 * MEGABYTE
    assert size < 100_000


async def test_run_with_a_prompt_of_a_megabyte_stays_small_in_history(stack: Stack) -> None:
    """Instructions of 1 MB reach the model whole, and no history or keeper holds them."""
    instructions = "Match every line. " * (MEGABYTE // 18)
    async with AnthropicFake() as fake:
        fake.say("Done.")
        async with thinker(stack, fake, instructions=instructions) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            size = await history_bytes(handle)
            keeper_size = len((await stack.keeper(name)).model_dump_json())
    assert result.status is RunStatus.SUCCEEDED
    assert instructions.strip() in str(fake.requests[0].body["system"])
    assert size < 100_000
    assert keeper_size < 10_000


async def test_run_with_an_answer_of_a_megabyte_names_it_by_digest(stack: Stack) -> None:
    """A long answer is stored; the result says where."""
    words = "y" * MEGABYTE
    async with AnthropicFake() as fake:
        fake.say(words)
        async with thinker(stack, fake) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            size = await history_bytes(handle)
            stored = await stack.store.get(result.output_digest)
    assert result.output is None
    assert stored.decode() == f'"{words}"'
    assert size < 100_000
