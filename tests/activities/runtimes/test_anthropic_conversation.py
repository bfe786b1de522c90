"""The Anthropic runtime against a strict fake: what it sends is valid, what it returns is whole."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.runtimes.anthropic import AnthropicRuntime
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
from tests.fakes.anthropic_answers import CHUNK, Answer, text, thinking
from tests.fakes.anthropic_server import AnthropicFake

KEY = "sk-ant-test-0123456789"
OBJECT: dict[str, Any] = {"type": "object", "properties": {"account": {"type": "string"}}}
TOOLS = tuple(
    ToolSchema(name=name, description=f"Does {name}.", parameters=OBJECT)
    for name in ("ledger.match_batch", "ledger__match_batch", "mcp:warehouse/query", "x" * 200)
)


@pytest.fixture
async def runtime() -> AsyncIterator[AnthropicRuntime]:
    """A runtime whose every secret is KEY."""
    runtime = AnthropicRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


def ask(
    fake: AnthropicFake, *messages: Message, tools: tuple[ToolSchema, ...] = TOOLS, **settings: Any
) -> ModelRequest:
    """A request as the turn loop makes it."""
    runtime = {"kind": "anthropic", "model": "claude-haiku-4-5", "base_url": fake.url}
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


async def test_invoke_text_answer_returns_reply_with_all_its_facts(runtime: AnthropicRuntime):
    """Words, stop reason, token counts, model and request id all arrive."""
    async with AnthropicFake(api_key=KEY) as fake:
        usage = {
            "input_tokens": 7,
            "output_tokens": 11,
            "cache_read_input_tokens": 300,
            "cache_creation_input_tokens": 20,
        }
        fake.say("All matched, nothing open.", usage=usage)
        reply = await runtime.invoke(ask(fake))
    assert reply.message.text == "All matched, nothing open."
    assert reply.stop is StopReason.END_TURN
    assert reply.usage == Usage(
        input_tokens=7, output_tokens=11, cache_read_tokens=300, cache_write_tokens=20
    )
    assert reply.model == "claude-haiku-4-5"
    assert reply.request_id == f"req_{1:024d}"


async def test_invoke_long_parallel_conversation_sends_only_valid_requests(
    runtime: AnthropicRuntime,
):
    """Twelve turns of parallel calls, thinking and text satisfy every rule of the API."""
    async with AnthropicFake() as fake:
        history = [user("Reconcile three accounts.")]
        for turn in range(12):
            names = [tool["name"] for tool in fake.requests[-1].body["tools"]] if turn else []
            calls = tuple(
                fake.tool_use(name, {"account": f"{turn}-{index}"})
                for index, name in enumerate(names or ["ledger__match_batch"])
            )
            fake.add(Answer((thinking(f"Turn {turn}."), text("Looking."), *calls), "tool_use"))
            reply = await runtime.invoke(ask(fake, *history))
            assert len(reply.message.tool_calls) == len(calls)
            history += [reply.message, results(reply)]
        fake.say("Done.")
        assert (await runtime.invoke(ask(fake, *history))).stop is StopReason.END_TURN
        marks = str(fake.requests[-1].body).count("cache_control")
    assert len(fake.requests) == 13
    assert marks == 4


async def test_invoke_tool_names_come_back_as_rota_knows_them(runtime: AnthropicRuntime):
    """Names the API refuses or that collide are mapped, distinctly, there and back."""
    async with AnthropicFake() as fake:

        def call_all(request: dict[str, Any]) -> Answer:
            return Answer(tuple(fake.tool_use(t["name"], {}) for t in request["tools"]), "tool_use")

        fake.respond_with(call_all)
        reply = await runtime.invoke(ask(fake))
        wire = [tool["name"] for tool in fake.requests[0].body["tools"]]
    assert [call.name for call in reply.message.tool_calls] == [tool.name for tool in TOOLS]
    assert len(set(wire)) == len(TOOLS)
    assert wire[1] == "ledger__match_batch"


async def test_invoke_invented_tool_keeps_its_name_and_can_be_answered(runtime: AnthropicRuntime):
    """A tool that does not exist is for the loop to refuse, and its history stays valid."""
    async with AnthropicFake() as fake:
        fake.call_tool("no_such_tool", {"a": 1})
        fake.say("Sorry.")
        first = await runtime.invoke(ask(fake))
        await runtime.invoke(ask(fake, user("Go."), first.message, results(first)))
    assert first.message.tool_calls[0].name == "no_such_tool"


async def test_invoke_thinking_and_unknown_blocks_are_resent_unchanged(runtime: AnthropicRuntime):
    """What only the provider can read goes back byte for byte, in its place."""
    strange = {"type": "memory_of_the_future", "data": {"a": [1, None], "b": "ü"}}
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgB"}
    thought = thinking("The ledger is short by one cent, so look for rounding.")
    async with AnthropicFake() as fake:
        call = fake.tool_use("ledger__match_batch", {"account": "A"})
        fake.add(Answer((thought, redacted, strange, text("So:"), call), "tool_use"))
        fake.say("Found it.")
        first = await runtime.invoke(ask(fake))
        stored = Message.model_validate_json(first.message.model_dump_json())
        await runtime.invoke(ask(fake, user("Go."), stored, results(first)))
        resent = fake.requests[1].body["messages"][1]["content"]
    assert resent == [thought, redacted, strange, text("So:"), call]


async def test_invoke_paused_turn_is_resent_as_it_was(runtime: AnthropicRuntime):
    """A paused turn goes on when the conversation is sent back ending with it."""
    server_call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    async with AnthropicFake() as fake:
        fake.add(Answer((text("Searching. "), server_call), "pause_turn"))
        fake.say("It rains.")
        paused = await runtime.invoke(ask(fake))
        final = await runtime.invoke(ask(fake, user("Go."), paused.message))
    assert paused.stop is StopReason.PAUSED
    assert final.message.text == "It rains."


@pytest.mark.parametrize(
    ("wire", "stop"),
    [
        ("end_turn", StopReason.END_TURN),
        ("stop_sequence", StopReason.END_TURN),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("refusal", StopReason.REFUSED),
        ("model_context_window_exceeded", StopReason.CONTEXT_OVERFLOW),
    ],
)
async def test_invoke_stop_reason_is_named(runtime: AnthropicRuntime, wire: str, stop: StopReason):
    """Each stop reason keeps its meaning; only a finished turn looks finished."""
    async with AnthropicFake() as fake:
        fake.say("Some words", stop=wire)
        assert (await runtime.invoke(ask(fake))).stop is stop


@pytest.mark.parametrize("category", ["cyber", None])
async def test_invoke_refusal_without_words_is_a_reply(
    runtime: AnthropicRuntime, category: str | None
):
    """A refusal may be empty; its tokens count, and its category is told if it has one."""
    async with AnthropicFake() as fake:
        fake.add(Answer((), "refusal", {"input_tokens": 9}, refusal=category))
        reply = await runtime.invoke(ask(fake))
    assert (reply.stop, reply.usage.input_tokens) == (StopReason.REFUSED, 9)
    assert reply.details == (category or "")


async def test_invoke_finished_turn_with_a_call_asks_for_its_answer(runtime: AnthropicRuntime):
    """A gateway that says end_turn beside a tool call does not leave the call unanswered."""
    async with AnthropicFake() as fake:
        fake.add(Answer((text("Look:"), fake.tool_use("ledger__match_batch", {})), "end_turn"))
        assert (await runtime.invoke(ask(fake))).stop is StopReason.TOOL_CALLS


@pytest.mark.parametrize(
    "broken",
    [
        '{"account": "A", "lim',
        "[1, 2]",
        '{"a": NaN}',
        "nothing",
        r'{"a": "\ud83d"}',
        '{"a": 1e999}',
        '{"a":' + "[" * 100_000,
    ],
)
async def test_invoke_broken_tool_arguments_reach_the_model_as_invalid(
    runtime: AnthropicRuntime, broken: str
):
    """Arguments that are no JSON object never turn into a valid call with fewer of them."""
    async with AnthropicFake() as fake:
        fake.call_tool("ledger__match_batch", {"account": "A"}, broken_arguments=broken)
        reply = await runtime.invoke(ask(fake))
    assert reply.message.tool_calls[0].args == {"INVALID_JSON": broken}


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("half \ud83d of one", "half \ufffd of one"),
        ("x" * (CHUNK - 1) + "\ud83d\ude00", "x" * (CHUNK - 1) + "\U0001f600"),
    ],
)
async def test_invoke_text_with_half_a_character_is_made_whole(
    runtime: AnthropicRuntime, sent: str, received: str
):
    """Halves sent in two events meet again; one left alone is replaced, not paid for twice."""
    async with AnthropicFake() as fake:
        fake.say(sent)
        fake.call_tool("ledger__match_batch", {"account": sent})
        said = await runtime.invoke(ask(fake))
        called = await runtime.invoke(ask(fake))
    assert said.message.text == received
    said.model_dump_json()
    called.model_dump_json()


async def test_invoke_transcript_of_other_provider_is_accepted(runtime: AnthropicRuntime):
    """Odd call ids, foreign thinking and blank text of another provider do no harm."""
    foreign = Opaque(provider="bedrock", data={"reasoningContent": {}})
    call = ToolCall(id="call:1/é", name="ledger.match_batch", args={})
    assistant = Message(role="assistant", content=(foreign, Text(text=" \n"), call))
    answer = ToolResult(call_id="call:1/é", content="", is_error=True)
    async with AnthropicFake() as fake:
        fake.say("Fine.")
        messages = (user("Go."), assistant, Message(role="user", content=(answer,)))
        await runtime.invoke(ask(fake, *messages))
        sent = fake.requests[0].body["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["tool_use"]
    assert sent[2]["content"][0]["is_error"] is True


async def test_invoke_settings_travel_to_the_api(runtime: AnthropicRuntime):
    """Effort and output limit are sent as declared, in a stream, with the declared key."""
    async with AnthropicFake(api_key=KEY) as fake:
        fake.say("Yes.")
        await runtime.invoke(ask(fake, effort="low", max_output_tokens=77))
    body = fake.requests[0].body
    assert (body["output_config"], body["max_tokens"]) == ({"effort": "low"}, 77)
    assert body["stream"] is True


async def test_invoke_base_url_comes_from_environment_when_not_declared(
    runtime: AnthropicRuntime, monkeypatch: pytest.MonkeyPatch
):
    """The SDK's own variable points a whole worker at a gateway; credentials in it do not count."""
    async with AnthropicFake(api_key=KEY) as fake:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses")
        fake.say("Yes.")
        await runtime.invoke(ask(fake, base_url=None))
    assert len(fake.requests) == 1


async def test_invoke_same_key_reuses_one_client_until_closed(runtime: AnthropicRuntime):
    """Connections are kept between turns, and a closed runtime can be used again."""
    async with AnthropicFake() as fake:
        for _ in range(3):
            fake.say("Yes.")
        await runtime.invoke(ask(fake))
        await runtime.invoke(ask(fake))
        connections = fake.connections
        await runtime.aclose()
        await runtime.invoke(ask(fake))
    assert connections == 1
    assert fake.connections == 2
