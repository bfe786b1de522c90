"""The pure halves of the Anthropic runtime: names, and streams put together again."""

import json
from typing import Any

import pytest

from activities.runtimes.anthropic_stream import MessageAssembler
from rota.failures import FailureCategory, StepError
from tests.fakes.anthropic_answers import Answer, events, message, text, thinking

CALL: dict[str, Any] = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "post",
    "input": {"entries": [{"amount": "12.30", "text": 'Grüße \u2028 "quoted" 🧾'}], "n": None},
}
STREAMED = Answer(
    (
        thinking("First the fee,\nthen the rest of it all."),
        {"type": "redacted_thinking", "data": "EmwKAhgB"},
        text("I post one entry: «12.30»."),
        CALL,
        CALL | {"id": "toolu_2", "input": {}},
    ),
    "tool_use",
    {"cache_read_input_tokens": 40, "input_tokens": 3, "output_tokens": 99},
)


def stream_of(answer: Answer) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The message, and the events it is streamed in."""
    whole = message(answer, {"model": "claude-haiku-4-5", "messages": []}, "msg_1")
    lines = b"".join(events(whole)).decode().split("\n")
    return whole, [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def assemble(stream: list[dict[str, Any]]) -> dict[str, Any]:
    """Put events together."""
    assembler = MessageAssembler()
    for event in stream:
        assembler.add(event)
    return assembler.finish("req_1", "text/event-stream")


def test_assembler_whole_stream_gives_the_message_itself():
    """Taken apart and put together, nothing is lost and nothing is added."""
    whole, stream = stream_of(STREAMED)
    assert assemble(stream) == whole


def test_assembler_stream_cut_anywhere_is_never_a_message():
    """There is no event after which a cut stream looks finished, but the last."""
    _, stream = stream_of(STREAMED)
    for end in range(len(stream)):
        with pytest.raises(StepError) as caught:
            assemble(stream[:end])
        assert caught.value.category is FailureCategory.TRANSIENT
        assert caught.value.maybe_billed
        assert caught.value.request_id == "req_1"


def test_assembler_stream_missing_an_event_is_no_silent_success():
    """Losing the start of a block is noticed as soon as it matters."""
    _, stream = stream_of(Answer((text("a"),)))
    del stream[1]
    with pytest.raises(StepError, match="content_block_delta event is malformed"):
        assemble(stream)


def test_assembler_unknown_events_and_deltas_are_carried_along():
    """A newer API may say more; what it says about a block stays in the block."""
    stream: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 1, "new": 2}}},
        {"type": "weather", "sun": True},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "dream", "of": "a"}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "dream_delta", "of": "b", "deep": 1},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "citations_delta", "citation": {"page": 3}},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 5, "input_tokens": None},
        },
        {"type": "message_stop"},
    ]
    assert assemble(stream) == {
        "content": [{"type": "dream", "of": "ab", "deep": 1, "citations": [{"page": 3}]}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "new": 2, "output_tokens": 5},
    }
