"""Streams of the Converse family put together again, whole or not at all."""

from typing import Any

import pytest

from activities.providers.converse_stream import ConverseStream
from rota.failures import FailureCategory, StepError

USAGE = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}


def start(index: int, name: str, call: str) -> dict[str, Any]:
    """A tool call begins."""
    told = {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": call, "name": name}}}
    return {"contentBlockStart": told}


def delta(index: int, **told: Any) -> dict[str, Any]:
    """A block grows."""
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": told}}


def stop(index: int) -> dict[str, Any]:
    """A block ends."""
    return {"contentBlockStop": {"contentBlockIndex": index}}


WHOLE: list[dict[str, Any]] = [
    {"messageStart": {"role": "assistant"}},
    delta(0, reasoningContent={"text": "Think"}),
    delta(0, reasoningContent={"text": "ing"}),
    delta(0, reasoningContent={"signature": "c2ln"}),
    stop(0),
    delta(1, text="I po"),
    delta(1, text="st \ud83e"),
    delta(1, text="\uddfe"),
    stop(1),
    start(2, "post", "t1"),
    delta(2, toolUse={"input": '{"a": '}),
    delta(2, toolUse={"input": "1}"}),
    stop(2),
    start(3, "look", "t2"),
    stop(3),
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": USAGE, "trace": {"guardrail": {}}}},
]


def assemble(events: list[dict[str, Any]]) -> ConverseStream:
    """Put events together."""
    stream = ConverseStream("Bedrock")
    for event in events:
        stream.add(event)
    return stream


def test_whole_stream_gives_the_blocks_of_a_whole_answer():
    """Pieces become one again, halves of characters too."""
    last = assemble(WHOLE).finish()
    assert last.stop == "tool_use"
    assert last.content == [
        {"reasoningContent": {"reasoningText": {"text": "Thinking", "signature": "c2ln"}}},
        {"text": "I post 🧾"},
        {"toolUse": {"toolUseId": "t1", "name": "post", "input": {"a": 1}}},
        {"toolUse": {"toolUseId": "t2", "name": "look", "input": {}}},
    ]


def test_stream_cut_anywhere_is_never_a_message():
    """AWS ends a cut stream in silence: no event but the last makes it whole."""
    for end in range(len(WHOLE)):
        with pytest.raises(StepError) as caught:
            assemble(WHOLE[:end]).finish()
        assert caught.value.category is FailureCategory.TRANSIENT
        assert caught.value.maybe_billed


def test_index_used_twice_is_two_calls():
    """A harness may begin a call under an index whose last one it never ended."""
    events = [
        WHOLE[0],
        start(0, "a", "t1"),
        delta(0, toolUse={"input": "{}"}),
        start(0, "b", "t2"),
        delta(0, toolUse={"input": '{"x": 1}'}),
        *WHOLE[-2:],
    ]
    calls = [block["toolUse"] for block in assemble(events).finish().content]
    assert [(call["toolUseId"], call["input"]) for call in calls] == [("t1", {}), ("t2", {"x": 1})]


def test_blocks_that_nobody_can_use_are_kept_apart():
    """A new kind of block, start, delta or event spoils nothing."""
    events = [
        WHOLE[0],
        {"weather": {"sun": True}},
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}},
        delta(0, image={}),
        stop(0),
        delta(1, citation={"title": "a"}),
        stop(1),
        delta(2, text="Yes."),
        *WHOLE[-2:],
    ]
    content = assemble(events).finish().content
    assert [block for block in content if "unread" not in block] == [{"text": "Yes."}]


@pytest.mark.parametrize(
    "events",
    [
        [delta(0, text="before the start")],
        [WHOLE[0], delta(2, toolUse={"input": "{}"})],
        [WHOLE[0], start(0, "a", "t1"), delta(0, text="in a call")],
        [{"messageStart": {}}],
        [WHOLE[0], {"metadata": {}}],
    ],
)
def test_event_that_does_not_fit_is_named(events: list[dict[str, Any]]):
    """A lost or changed event is noticed as soon as it matters, by its name."""
    with pytest.raises(
        StepError, match=r"Bedrock's answer is not usable: a \w+ event is malformed"
    ):
        assemble(events)
