"""The chat completions runtime against a strict fake: requests are valid, replies whole."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import (
    Message,
    ModelReply,
    ModelRequest,
    Opaque,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    ToolSchema,
)
from rota.usage import Usage
from tests.fakes.openai_answers import Answer
from tests.fakes.openai_server import OpenAIFake

KEY = "sk-test-0123456789"
OBJECT: dict[str, Any] = {"type": "object", "properties": {"account": {"type": "string"}}}
TOOLS = tuple(
    ToolSchema(name=name, description=f"Does {name}.", parameters=OBJECT)
    for name in ("ledger.match_batch", "ledger__match_batch", "mcp:warehouse/query", "x" * 200)
)
STREAMING = pytest.mark.parametrize("stream", [True, False])


@pytest.fixture
async def runtime() -> AsyncIterator[OpenAIRuntime]:
    """A runtime whose every secret is KEY."""
    runtime = OpenAIRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


def ask(
    fake: OpenAIFake, *messages: Message, tools: tuple[ToolSchema, ...] = TOOLS, **settings: Any
) -> ModelRequest:
    """A request as the turn loop makes it."""
    runtime = {"kind": "openai", "model": "gpt-5-mini", "base_url": fake.url}
    return ModelRequest(
        settings=runtime | settings,
        system="You reconcile.",
        messages=messages or (user("Go."),),
        tools=tools,
        turn=sum(message.role == "assistant" for message in messages) + 1,
    )


def user(words: str) -> Message:
    """A user message of one text."""
    return Message(role="user", content=(Text(text=words),))


def results(reply: ModelReply) -> Message:
    """The answers to all tool calls of a reply."""
    calls = reply.message.tool_calls
    return Message(
        role="user",
        content=(Text(text="Now:"), *(ToolResult(call_id=call.id, content="{}") for call in calls)),
    )


@STREAMING
async def test_invoke_text_answer_returns_reply_with_all_its_facts(
    runtime: OpenAIRuntime, stream: bool
):
    """Words, stop reason, token counts, model and request id arrive, in pieces or at once."""
    async with OpenAIFake(api_key=KEY) as fake:
        cached = {"prompt_tokens_details": {"cached_tokens": 300}}
        fake.say(
            "All matched:\u2028 nothing open. ✓",
            usage={"prompt_tokens": 307, "completion_tokens": 11, **cached},
        )
        reply = await runtime.invoke(ask(fake, stream=stream))
    assert reply.message.text == "All matched:\u2028 nothing open. ✓"
    assert reply.stop is StopReason.END_TURN
    assert reply.usage == Usage(input_tokens=7, output_tokens=11, cache_read_tokens=300)
    assert (reply.model, reply.request_id) == ("gpt-5-mini", f"req_{1:024d}")
    assert reply.reported_micros is None


@STREAMING
async def test_invoke_long_parallel_conversation_sends_only_valid_requests(
    runtime: OpenAIRuntime, stream: bool
):
    """Eight turns of parallel calls and text satisfy every rule of the API."""
    async with OpenAIFake() as fake:
        history = [user("Reconcile three accounts.")]
        for turn in range(8):
            wire = (
                [tool["function"]["name"] for tool in fake.requests[-1].body["tools"]]
                if turn
                else []
            )
            names = wire or ["ledger__match_batch"]
            calls = tuple(
                fake.tool_call(name, {"account": f"{turn}-{index}"})
                for index, name in enumerate(names)
            )
            fake.add(Answer("Looking.", calls, "tool_calls"))
            reply = await runtime.invoke(ask(fake, *history, stream=stream))
            assert [call.args["account"] for call in reply.message.tool_calls] == [
                f"{turn}-{index}" for index in range(len(names))
            ]
            history += [reply.message, results(reply)]
        fake.say("Done.")
        last = await runtime.invoke(ask(fake, *history, stream=stream))
    assert last.stop is StopReason.END_TURN
    assert len(fake.requests) == 9


async def test_invoke_tool_names_come_back_as_rota_knows_them(runtime: OpenAIRuntime):
    """Names the API refuses or that collide are mapped, distinctly, there and back."""
    async with OpenAIFake() as fake:

        def call_all(request: dict[str, Any]) -> Answer:
            names = [tool["function"]["name"] for tool in request["tools"]]
            return Answer(None, tuple(fake.tool_call(name, {}) for name in names), "tool_calls")

        fake.respond_with(call_all)
        reply = await runtime.invoke(ask(fake))
    assert [call.name for call in reply.message.tool_calls] == [tool.name for tool in TOOLS]


async def test_invoke_calls_without_index_are_told_apart(runtime: OpenAIRuntime):
    """A server that leaves the index out starts a new call with each id."""
    async with OpenAIFake() as fake:
        fake.call_tools(
            ("ledger__match_batch", {"account": "A" * 30}),
            ("ledger__match_batch", {"account": "B" * 30}),
            indexed=False,
        )
        reply = await runtime.invoke(ask(fake))
    assert [call.args["account"][0] for call in reply.message.tool_calls] == ["A", "B"]


@pytest.mark.parametrize(
    ("finish", "more", "stop", "details"),
    [
        ("stop", {}, StopReason.END_TURN, ""),
        ("length", {}, StopReason.MAX_TOKENS, ""),
        ("content_filter", {}, StopReason.REFUSED, "content_filter"),
        ("stop", {"refusal": "I will not."}, StopReason.REFUSED, "I will not."),
    ],
)
@STREAMING
async def test_invoke_stop_reason_is_named(
    runtime: OpenAIRuntime,
    stream: bool,
    finish: str,
    more: dict[str, Any],
    stop: StopReason,
    details: str,
):
    """Each finish reason keeps its meaning; only a finished turn looks finished."""
    async with OpenAIFake() as fake:
        fake.say("Some words", finish=finish, more=more)
        reply = await runtime.invoke(ask(fake, stream=stream))
    assert (reply.stop, reply.details) == (stop, details)


async def test_invoke_refusal_without_content_is_a_reply_with_its_words(runtime: OpenAIRuntime):
    """What a refusal says is what the model said, and its tokens count."""
    async with OpenAIFake() as fake:
        fake.add(Answer(None, more={"refusal": "I cannot help."}, usage={"prompt_tokens": 9}))
        reply = await runtime.invoke(ask(fake))
    assert (reply.stop, reply.message.text) == (StopReason.REFUSED, "I cannot help.")
    assert reply.usage.input_tokens == 9


async def test_invoke_finished_turn_with_a_call_asks_for_its_answer(runtime: OpenAIRuntime):
    """A server that says `stop` beside a tool call does not leave the call unanswered."""
    async with OpenAIFake() as fake:
        fake.call_tool("ledger__match_batch", {}, finish="stop")
        assert (await runtime.invoke(ask(fake))).stop is StopReason.TOOL_CALLS


@pytest.mark.parametrize("broken", ['{"account": "A", "lim', "[1]", '{"a": NaN}', "nothing"])
async def test_invoke_broken_tool_arguments_reach_the_model_as_invalid(
    runtime: OpenAIRuntime, broken: str
):
    """Arguments that are no JSON object never turn into a valid call with fewer of them."""
    async with OpenAIFake() as fake:
        fake.call_tool("ledger__match_batch", broken)
        reply = await runtime.invoke(ask(fake))
    assert reply.message.tool_calls[0].args == {"INVALID_JSON": broken}


async def test_invoke_call_without_arguments_has_none(runtime: OpenAIRuntime):
    """Empty text is how some servers write no arguments."""
    async with OpenAIFake() as fake:
        fake.call_tool("ledger__match_batch", "")
        assert (await runtime.invoke(ask(fake))).message.tool_calls[0].args == {}


async def test_invoke_transcript_of_other_provider_is_accepted(runtime: OpenAIRuntime):
    """Odd call ids, foreign thinking, blank text and failed calls of another provider go on."""
    foreign = Opaque(provider="anthropic", data={"type": "thinking"})
    call = ToolCall(id="call 1/é", name="ledger.match_batch", args={"account": "ü"})
    assistant = Message(role="assistant", content=(foreign, Text(text=" \n"), call))
    thought = Message(role="assistant", content=(foreign,))
    answer = ToolResult(call_id="call 1/é", content="no such account", is_error=True)
    async with OpenAIFake() as fake:
        fake.say("Fine.")
        history = (user("Go."), thought, assistant, Message(role="user", content=(answer,)))
        await runtime.invoke(ask(fake, *history))
        sent = fake.requests[0].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]
    assert sent[2]["content"] is None
    assert sent[3]["content"] == "Error: no such account"


@STREAMING
async def test_invoke_declared_fields_of_the_message_are_sent_back(
    runtime: OpenAIRuntime, stream: bool
):
    """Reasoning that a server wants back goes back whole; what is not declared does not."""
    thoughts = {
        "reasoning_content": "The ledger is short by one cent.",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "EmwK"}],
    }
    kept = ["reasoning_content", "reasoning_details"]
    async with OpenAIFake(own=set(thoughts)) as fake:
        fake.call_tool("ledger__match_batch", {}, more=thoughts)
        fake.say("Done.")
        fake.say("Done.")
        first = await runtime.invoke(ask(fake, resend=kept, stream=stream))
        stored = Message.model_validate_json(first.message.model_dump_json())
        history = (user("Go."), stored, results(first))
        await runtime.invoke(ask(fake, *history, resend=kept))
        await runtime.invoke(ask(fake, *history))
        resent, dropped = (request.body["messages"][2] for request in fake.requests[1:])
    assert {key: resent[key] for key in kept} == thoughts
    assert not set(kept) & dropped.keys()


@pytest.mark.parametrize(
    ("headers", "usage", "micros"),
    [
        ({}, {}, None),
        ({"x-litellm-response-cost": "0.00019999999999999998"}, {}, 200),
        ({"x-litellm-response-cost": "0.0"}, {}, None),
        ({"x-litellm-response-cost": "0.0"}, {"cost": 0.0000125}, 13),
        ({}, {"cost": 0}, 0),
        ({}, {"cost": "free"}, None),
    ],
)
@STREAMING
async def test_invoke_reported_cost_reaches_the_reply(
    runtime: OpenAIRuntime,
    stream: bool,
    headers: dict[str, str],
    usage: dict[str, Any],
    micros: int | None,
):
    """What LiteLLM and OpenRouter say of the price is told, in whole micro-dollars."""
    async with OpenAIFake() as fake:
        fake.say("Yes.", headers=headers, usage=usage)
        assert (await runtime.invoke(ask(fake, stream=stream))).reported_micros == micros


async def test_invoke_cache_writes_are_told_apart(runtime: OpenAIRuntime):
    """A gateway that counts what it wrote to the cache is believed."""
    async with OpenAIFake() as fake:
        fake.say("Yes.", usage={"prompt_tokens": 100, "cache_creation_input_tokens": 60})
        usage = (await runtime.invoke(ask(fake))).usage
    assert (usage.input_tokens, usage.cache_write_tokens) == (40, 60)
