"""The stable prefix of a conversation is paid for once, and no cache is paid for in vain."""

from collections.abc import AsyncIterator

import pytest

from activities.runtimes.anthropic import AnthropicRuntime
from rota.conversation import Message, ModelRequest, Text, ToolResult, ToolSchema
from tests.fakes.anthropic_server import AnthropicFake

TOOLS = (ToolSchema(name="look", description="Looks. " * 200, parameters={"type": "object"}),)


@pytest.fixture
async def runtime() -> AsyncIterator[AnthropicRuntime]:
    """A runtime with some key."""
    runtime = AnthropicRuntime(lambda reference: "sk-ant-test")
    yield runtime
    await runtime.aclose()


def ask(
    fake: AnthropicFake, *messages: Message, tools: tuple[ToolSchema, ...] = TOOLS
) -> ModelRequest:
    """A request as the turn loop makes it."""
    settings = {"kind": "anthropic", "model": "claude-haiku-4-5", "base_url": fake.url}
    return ModelRequest(
        settings=settings,
        system="You reconcile. " * 100,
        messages=messages or (said("user", "Go."),),
        tools=tools,
        turn=sum(message.role == "assistant" for message in messages) + 1,
    )


def said(role: str, words: str) -> Message:
    """A message of one text."""
    return Message.model_validate({"role": role, "content": (Text(text=words),)})


async def test_invoke_each_turn_reads_what_the_one_before_wrote(runtime: AnthropicRuntime):
    """Over a conversation with many calls a turn, only what is new is paid for in full."""
    history = [said("user", "Go.")]
    async with AnthropicFake(caching=True) as fake:
        before = 0
        for turn in range(5):
            fake.call_tools(*(("look", {"at": f"{turn}-{index}"}) for index in range(15)))
            reply = await runtime.invoke(ask(fake, *history))
            usage = reply.usage
            assert usage.cache_read_tokens == before
            assert usage.cache_write_tokens > 0
            assert usage.input_tokens == 0
            before = usage.cache_read_tokens + usage.cache_write_tokens
            answers = (ToolResult(call_id=c.id, content="{}") for c in reply.message.tool_calls)
            history += [reply.message, Message(role="user", content=tuple(answers))]


async def test_invoke_another_run_of_the_agent_reads_tools_and_system(runtime: AnthropicRuntime):
    """What is the same in every run is written once for all of them."""
    async with AnthropicFake(caching=True) as fake:
        fake.say("Yes.")
        fake.say("Yes.")
        first = await runtime.invoke(ask(fake, said("user", "Monday.")))
        second = await runtime.invoke(ask(fake, said("user", "Tuesday.")))
    assert first.usage.cache_read_tokens == 0
    assert second.usage.cache_read_tokens > second.usage.cache_write_tokens > 0


async def test_invoke_single_question_without_tools_does_not_pay_for_caching(
    runtime: AnthropicRuntime,
):
    """A call nobody will continue sends no cache breakpoint, which would cost a quarter more."""
    async with AnthropicFake() as fake:
        fake.say("Yes.")
        await runtime.invoke(ask(fake, tools=()))
    assert "cache_control" not in str(fake.requests[0].body)


async def test_invoke_conversation_that_goes_on_without_tools_is_cached(runtime: AnthropicRuntime):
    """The first turn of a run that continues a conversation finds and leaves its prefix."""
    async with AnthropicFake(caching=True) as fake:
        for _ in range(2):
            fake.say("Yes.")
        history = (said("user", "Go."), said("assistant", "Gone. " * 200), said("user", "Again."))
        written = await runtime.invoke(ask(fake, *history, tools=()))
        more = (*history, said("assistant", "Yes."), said("user", "And again."))
        read = await runtime.invoke(ask(fake, *more, tools=()))
    assert read.usage.cache_read_tokens == written.usage.cache_write_tokens > 0
