"""Turns on the strict fake of Converse: what is sent, what comes back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.bedrock import BedrockRuntime
from rota.conversation import (
    Message,
    ModelRequest,
    Opaque,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    ToolSchema,
)
from tests.fakes.aws_converse import Converse, ConverseFake, reasoning, redacted
from tests.fakes.aws_environment import become_known

MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
POST = ToolSchema(name="ledger.post", description="Post it.", parameters={"type": "object"})
WAYS = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)


@pytest.fixture
async def runtime() -> AsyncIterator[BedrockRuntime]:
    """The runtime; it needs no secrets."""
    runtime = BedrockRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def said(role: Any, *blocks: Any) -> Message:
    """A message."""
    return Message(role=role, content=blocks)


GO = said("user", Text(text="Go."))


def ask(fake: ConverseFake, *messages: Message, **settings: Any) -> ModelRequest:
    """A request with one tool."""
    tools = settings.pop("tools", (POST,))
    turn, system = settings.pop("turn", 1), settings.pop("system", "Be exact.")
    block = {"kind": "bedrock", "model": MODEL, "endpoint_url": fake.url} | settings
    return ModelRequest(
        settings=block, system=system, messages=messages or (GO,), tools=tools, turn=turn
    )


@WAYS
async def test_invoke_answer_is_the_same_streamed_and_whole(runtime: BedrockRuntime, stream: bool):
    """Either way gives the words, the counts and the model, and asks for them once."""
    async with ConverseFake() as fake:
        fake.say(
            "All matched: «12,30 €».",
            usage={
                "inputTokens": 7,
                "outputTokens": 5,
                "totalTokens": 42,
                "cacheReadInputTokens": 20,
                "cacheWriteInputTokens": 10,
            },
        )
        reply = await runtime.invoke(ask(fake, stream=stream))
    assert reply.message.text == "All matched: «12,30 €»."
    assert (reply.stop, reply.model, reply.request_id) == (StopReason.END_TURN, MODEL, "req-1")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens) == (7, 5)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (20, 10)
    assert [r.operation for r in fake.requests] == ["ConverseStream" if stream else "Converse"]


@WAYS
async def test_invoke_tool_round_trip_keeps_reasoning_and_ids(
    runtime: BedrockRuntime, stream: bool
):
    """Reasoning, readable or not, goes back as it came, and the result under the call's id."""
    async with ConverseFake() as fake:
        call = fake.tool_use("ledger__post", {"lines": [{"amount": "12.30", "text": "Grüße 🧾"}]})
        blocks = (reasoning("First the fee."), redacted(b"\x00\xffhidden"), {"text": "So."}, call)
        fake.respond(fake.issue(Converse(blocks, "tool_use")))
        fake.say("Posted.")
        first = await runtime.invoke(ask(fake, stream=stream))
        (wanted,) = first.message.tool_calls
        done = said("user", ToolResult(call_id=wanted.id, content="", is_error=True))
        reply = await runtime.invoke(ask(fake, GO, first.message, done, stream=stream, turn=2))
    assert first.stop is StopReason.TOOL_CALLS
    assert (wanted.name, wanted.args) == ("ledger.post", call["toolUse"]["input"])
    assert first.message.model_validate_json(first.message.model_dump_json()) == first.message
    sent = fake.requests[1].params["messages"]
    assert sent[1]["content"] == list(blocks)
    result = sent[2]["content"][0]["toolResult"]
    assert result["toolUseId"] == wanted.id
    assert (result["content"], result["status"]) == ([{"text": "(nothing)"}], "error")
    assert reply.message.text == "Posted."


async def test_invoke_transcript_of_another_provider_is_continued(runtime: BedrockRuntime):
    """Odd ids, foreign reasoning, neighbours of one role, tools that are gone: no hindrance."""
    foreign = Opaque(provider="anthropic", data={"type": "thinking", "thinking": "Hm."})
    call = ToolCall(id="call:0/π", name="mcp:old/look up", args={})
    messages = (
        GO,
        said("user", Text(text="And again."), Text(text="  ")),
        said("assistant", foreign),
        said("assistant", foreign, call),
        said("user", Text(text="Here."), ToolResult(call_id=call.id, content="3")),
    )
    async with ConverseFake() as fake:
        fake.say("Fine.")
        reply = await runtime.invoke(ask(fake, *messages, tools=(), turn=3))
    assert reply.stop is StopReason.END_TURN
    sent = fake.requests[0].params
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert [tool["toolSpec"]["name"] for tool in sent["toolConfig"]["tools"]] == ["mcp_old_look_up"]


async def test_invoke_settings_reach_the_request(runtime: BedrockRuntime):
    """Effort, extra fields, guardrail and the output limit stand where Converse wants them."""
    async with ConverseFake() as fake:
        fake.say("Yes.")
        await runtime.invoke(
            ask(
                fake,
                effort="high",
                extra={"thinking": {"type": "adaptive"}},
                guardrail={"id": "gr0abc", "version": "3"},
                max_output_tokens=500,
            )
        )
    sent = fake.requests[0].params
    assert sent["modelId"] == MODEL
    assert sent["outputConfig"] == {"effort": "high"}
    assert sent["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert sent["guardrailConfig"]["guardrailIdentifier"] == "gr0abc"
    assert sent["inferenceConfig"] == {"maxTokens": 500}


@pytest.mark.parametrize(("cache", "points"), [(True, 3), (False, 0)])
async def test_invoke_cache_marks_the_stable_prefix_where_asked(
    runtime: BedrockRuntime, cache: bool, points: int
):
    """After the system prompt, and after the last two user messages, if declared."""
    history = (GO, said("assistant", Text(text="Which?")), said("user", Text(text="All.")))
    async with ConverseFake() as fake:
        fake.say("Yes.")
        await runtime.invoke(ask(fake, *history, cache=cache, turn=2))
    sent = fake.requests[0].params
    lists = [sent["system"], *(message["content"] for message in sent["messages"])]
    assert [blocks for blocks in lists if "cachePoint" in blocks[-1]] == [
        blocks for blocks in lists if blocks is not sent["messages"][1]["content"]
    ][:points]


async def test_invoke_cache_without_a_system_prompt_marks_the_tools(runtime: BedrockRuntime):
    """What comes first and stays the same is marked, whatever that is."""
    async with ConverseFake() as fake:
        fake.say("Yes.")
        await runtime.invoke(ask(fake, cache=True, system=" "))
    sent = fake.requests[0].params
    assert "cachePoint" in sent["toolConfig"]["tools"][-1]
    assert "system" not in sent


@WAYS
@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("stop_sequence", StopReason.END_TURN),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.CONTEXT_OVERFLOW),
        ("content_filtered", StopReason.REFUSED),
    ],
)
async def test_invoke_stop_reasons_are_told_apart(
    runtime: BedrockRuntime, stream: bool, stop: str, expected: StopReason
):
    """Each of Converse's reasons has its place in ours."""
    async with ConverseFake() as fake:
        fake.say("Some words.", stop=stop)
        reply = await runtime.invoke(ask(fake, stream=stream))
    assert reply.stop is expected


@WAYS
async def test_invoke_guardrail_is_a_refusal_with_its_reason(runtime: BedrockRuntime, stream: bool):
    """A guardrail's stop says so, why, and in the guardrail's own words; its tokens count."""
    trace = {"guardrail": {"actionReason": "Guardrail blocked: topic 'credit cards'."}}
    async with ConverseFake() as fake:
        fake.say("I cannot talk of that.", stop="guardrail_intervened", trace=trace)
        reply = await runtime.invoke(ask(fake, stream=stream))
    assert reply.stop is StopReason.REFUSED
    assert reply.details == (
        "a guardrail intervened: Guardrail blocked: topic 'credit cards'.: I cannot talk of that."
    )
    assert reply.usage.tokens == 120


async def test_invoke_call_under_end_turn_is_still_a_call(runtime: BedrockRuntime):
    """A call left unanswered would make the next request invalid, whatever the reason says."""
    async with ConverseFake() as fake:
        fake.respond(Converse((fake.tool_use("ledger__post", {}),), "end_turn"))
        reply = await runtime.invoke(ask(fake))
    assert reply.stop is StopReason.TOOL_CALLS


async def test_invoke_arguments_that_are_no_object_are_shown_to_the_model(runtime: BedrockRuntime):
    """What the model wrote instead stands in the one argument that no tool declares."""
    async with ConverseFake() as fake:
        fake.respond(Converse((fake.tool_use("ledger__post", [1, 2]),), "tool_use"))  # pyright: ignore[reportArgumentType]
        reply = await runtime.invoke(ask(fake))
    assert reply.message.tool_calls[0].args == {"INVALID_JSON": "[1, 2]"}
