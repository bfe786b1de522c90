"""The scripted runtime: the request alone decides what is played."""

import json
from typing import Any

import pytest

from activities.runtimes.scripted import FOR_EACH_LIMIT, ScriptedRuntime
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text, ToolResult
from rota.failures import FailureCategory, StepError

ASK = Message(role="user", content=(Text(text="go"),))


async def play(*turns: dict[str, Any], said: tuple[Message, ...] = (), **scope: Any) -> ModelReply:
    """Play the turn that `said` has come to."""
    request = ModelRequest(
        settings={"kind": "scripted", "turns": list(turns)},
        system="",
        messages=(ASK, *said),
        turn=1 + sum(message.role == "assistant" for message in said),
        context=scope,
    )
    return await ScriptedRuntime().invoke(request)


def answered(reply: ModelReply, *contents: str) -> tuple[Message, ...]:
    """The reply, and a result for each of its calls."""
    calls = reply.message.tool_calls
    results = [
        ToolResult(call_id=call.id, content=content)
        for call, content in zip(calls, contents, strict=True)
    ]
    return (reply.message, Message(role="user", content=tuple(results)))


CALLING = {"say": "looking", "calls": [{"tool": "bank.read", "args": {"day": "{input.day}"}}]}


async def test_scripted_turn_calls_tools_with_filled_arguments() -> None:
    """Templates in arguments are filled from the run's scope, types kept."""
    reply = await play(CALLING, input={"day": 7})
    (call,) = reply.message.tool_calls
    assert (call.name, call.args, reply.stop) == ("bank.read", {"day": 7}, StopReason.TOOL_CALLS)
    assert reply.message.text == "looking"


async def test_scripted_turn_reads_the_latest_result_of_each_tool() -> None:
    """Results are found by tool name; JSON is read, text is text."""
    first = await play(CALLING, input={"day": 1})
    second = await play(
        CALLING,
        {"result": {"n": "{results.bank_read.n}"}},
        said=answered(first, '{"n": 3}'),
        input={"day": 1},
    )
    assert json.loads(second.message.text) == {"n": 3}
    assert second.stop is StopReason.END_TURN
    third = await play(
        CALLING,
        {"result": "{results.bank_read}"},
        said=answered(first, "no such day"),
        input={"day": 1},
    )
    assert third.message.text == "no such day"


async def test_scripted_turn_played_again_is_the_same() -> None:
    """Another worker, asked again with the same conversation, plays the same turn."""
    once = await play(CALLING, input={"day": 1})
    assert await play(CALLING, input={"day": 1}) == once


async def test_scripted_for_each_makes_a_call_per_item_up_to_its_limit() -> None:
    """A list becomes parallel calls with ids of their own; a long one is cut."""
    each = {"calls": [{"tool": "t", "for_each": "{input.rows}", "args": {"row": "{item.id}"}}]}
    rows = [{"id": n} for n in range(FOR_EACH_LIMIT + 5)]
    calls = (await play(each, input={"rows": rows})).message.tool_calls
    assert [call.args["row"] for call in calls] == list(range(FOR_EACH_LIMIT))
    assert len({call.id for call in calls}) == FOR_EACH_LIMIT
    none = await play(each, input={"rows": []})
    assert (none.message.tool_calls, none.stop) == ((), StopReason.END_TURN)


@pytest.mark.parametrize(
    ("turn", "said", "words"),
    [
        ({"result": "{input.nothing}"}, (), "script, turn 1: {input.nothing}: no 'nothing'"),
        ({"calls": [{"tool": "t", "for_each": "{input.day}"}]}, (), "is not a list"),
        (
            {"result": 1},
            (Message(role="assistant", content=(Text(text="1"),)), ASK),
            "the script ends after 1 turns, turn 2 was asked",
        ),
    ],
)
async def test_scripted_turn_that_cannot_be_played_fails_for_good(
    turn: dict[str, Any], said: tuple[Message, ...], words: str
) -> None:
    """A mistake in a script is not retried, and names the turn."""
    with pytest.raises(StepError) as caught:
        await play(turn, said=said, input={"day": 1})
    assert caught.value.category is FailureCategory.INVALID_REQUEST
    assert words in str(caught.value)


async def test_scripted_result_stands_alone_and_counts_its_pretended_tokens() -> None:
    """What is said beside a result would spoil its JSON; usage is what the script says."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    reply = await play({"say": "done", "result": [1, None], "usage": usage})
    assert reply.message.text == "[1, null]"
    assert (reply.usage.tokens, reply.model) == (10, "scripted")


async def test_scripted_turn_is_counted_from_the_runs_first() -> None:
    """A run that goes on with a conversation plays its script from the beginning."""
    before = Message(role="assistant", content=(Text(text="yesterday's answer"),))
    request = ModelRequest(
        settings={"kind": "scripted", "turns": [{"result": "today's"}]},
        system="",
        messages=(ASK, before, ASK),
    )
    assert (await ScriptedRuntime().invoke(request)).message.text == "today's"


async def test_scripted_summary_is_no_turn_of_the_script() -> None:
    """Asked to sum up, it tells what was said last, and costs nothing."""
    before = Message(role="assistant", content=(Text(text="yesterday's answer"),))
    request = ModelRequest(
        settings={"kind": "scripted", "turns": [{"result": "today's"}]},
        system="",
        messages=(ASK, before, ASK),
        turn=0,
    )
    reply = await ScriptedRuntime().invoke(request)
    assert reply.message.text == "1 answers; the last one: yesterday's answer"
    assert (reply.stop, reply.reported_micros) == (StopReason.END_TURN, 0)


async def test_scripted_turn_longer_than_the_timeout_is_timeout() -> None:
    """The declared limit of a turn holds for a script, too."""
    request = ModelRequest(
        settings={
            "kind": "scripted",
            "timeout": "10ms",
            "turns": [{"result": "late", "seconds": 600}],
        },
        system="",
        messages=(ASK,),
    )
    with pytest.raises(StepError, match=r"runtime\.timeout") as caught:
        await ScriptedRuntime().invoke(request)
    assert (caught.value.category, caught.value.maybe_billed) == (FailureCategory.TIMEOUT, False)
