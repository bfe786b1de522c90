"""What spans say of calls of models, by OpenTelemetry's conventions for GenAI."""

import json

import pytest

from rota.conversation import Message, Opaque, StopReason, Text, ToolCall, ToolResult
from rota.runtimes.kinds import BUILT_IN
from rota.span_content import TEXT_LIMIT, answer, instructions, messages
from rota.spans import ATTRIBUTES, Operation, answered, asked, finish_reason, provider_of
from rota.usage import Usage

USED = Usage(
    input_tokens=10, output_tokens=4, cache_read_tokens=200, cache_write_tokens=30, cost_micros=1500
)


def test_tokens_read_include_the_cached_ones() -> None:
    """As the conventions count them; providers' raw figures leave them out."""
    told = answered(StopReason.END_TURN, "m", USED, "req-1")
    assert told == {
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 240,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_creation.input_tokens": 30,
        "rota.cost_usd": 0.0015,
        "rota.request.id": "req-1",
    }
    assert set(told) <= set(ATTRIBUTES)


def test_call_without_a_price_has_no_cost() -> None:
    """Unpriced is not free."""
    usage = USED.model_copy(update={"cost_micros": None})
    assert "rota.cost_usd" not in answered(StopReason.END_TURN, "m", usage, None)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (StopReason.END_TURN, "stop"),
        (StopReason.TOOL_CALLS, "tool_call"),
        (StopReason.MAX_TOKENS, "length"),
        (StopReason.REFUSED, "content_filter"),
        (StopReason.PAUSED, "paused"),
        (StopReason.CONTEXT_OVERFLOW, "context_overflow"),
    ],
)
def test_reason_of_the_stop_has_the_name_of_the_conventions(stop: StopReason, reason: str) -> None:
    """Where there is one; else our own."""
    told = answered(stop, "m", Usage(), None)
    assert told["gen_ai.response.finish_reasons"] == (reason,)


def test_every_runtime_has_a_provider() -> None:
    """One of the conventions' names, or the kind's own."""
    named = {kind: provider_of(kind) for kind in BUILT_IN}
    assert named["claude-managed"] == "anthropic"
    assert named["bedrock"] == named["bedrock-agent"] == "aws.bedrock"
    assert named["n8n"] == "n8n"
    told = asked(Operation.CHAT, "anthropic", None, "clerk/default")
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.conversation.id": "clerk/default",
    }


def test_messages_have_the_form_of_the_conventions() -> None:
    """Roles and parts; a provider's own blocks are nobody else's to read; long texts are cut."""
    said = (
        Message(role="user", content=(Text(text="x" * (TEXT_LIMIT + 5)),)),
        Message(
            role="assistant",
            content=(
                Opaque(provider="p", data={"thinking": "…"}),
                ToolCall(id="c1", name="books.look", args={"page": 7}),
            ),
        ),
        Message(role="user", content=(ToolResult(call_id="c1", content="seen"),)),
    )
    first, second, third = json.loads(messages(said))
    (text,) = first["parts"]
    assert text["content"].startswith("x" * TEXT_LIMIT + "… (5 characters left out)")
    call = {"type": "tool_call", "id": "c1", "name": "books.look", "arguments": '{"page": 7}'}
    assert second == {"role": "assistant", "parts": [call]}
    answer = {"type": "tool_call_response", "id": "c1", "response": "seen"}
    assert third == {"role": "tool", "parts": [answer]}
    assert json.loads(instructions("Be brief.")) == [{"type": "text", "content": "Be brief."}]


def test_answer_says_why_it_ends() -> None:
    """The conventions' schema of answers has no message without it."""
    said = Message(role="assistant", content=(Text(text="Yes."),))
    (told,) = json.loads(answer(said, finish_reason(StopReason.MAX_TOKENS)))
    assert told == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "Yes."}],
        "finish_reason": "length",
    }
