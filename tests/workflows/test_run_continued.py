"""Runs that go on with the session's conversation: on the real server."""

from typing import Any

import pytest

from activities.documents import get_transcript
from activities.stores.base import ObjectMissingError
from rota.failures import FailureCategory
from rota.ids import keeper_id
from rota.tools import tool
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack, script
from tests.workflows.claude import ending_of, thinker

SAME = {"continue": "same"}
SHORT = {**SAME, "compact_above": 1000}


@tool(name="calc.add")
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def told(fake: AnthropicFake, number: int) -> str:
    """All words of a request's messages, from 1."""
    return str(fake.requests[number - 1].body["messages"])


async def test_run_goes_on_with_what_the_last_success_said(stack: Stack) -> None:
    """The second run sees the first one's calls and answer; each shows only its own turns."""
    async with AnthropicFake(caching=True) as fake:
        fake.call_tool("calc__add", {"a": 1, "b": 1})
        for words in ("first answer", "second answer"):
            fake.say(words)
        async with thinker(stack, fake, tools=[add], session=SAME) as name:
            await stack.run(name, f"{name}-1")
            second = await stack.run(name, f"{name}-2")
        assert second.transcript is not None
        (node,) = await get_transcript(stack.store, second.transcript)
    assert "first answer" in told(fake, 3)
    assert "tool_result" in told(fake, 3)
    assert node.parent is not None
    assert (second.turns, second.output) == (1, "second answer")
    assert second.usage.cache_read_tokens > 0


async def test_run_that_failed_leaves_the_conversation_as_it_was(stack: Stack) -> None:
    """What a failed run said is not gone on from."""
    async with AnthropicFake() as fake:
        fake.say("first answer")
        fake.say("half an ans", stop="max_tokens")
        fake.say("third answer")
        async with thinker(stack, fake, session=SAME) as name:
            await stack.run(name, f"{name}-1")
            before = (await stack.keeper(name)).session("default").conversation
            await ending_of(await stack.start(name, f"{name}-2"))
            after = (await stack.keeper(name)).session("default").conversation
            await stack.run(name, f"{name}-3")
    assert before == after is not None
    assert "first answer" in told(fake, 3)
    assert "half an ans" not in told(fake, 3)


async def test_long_conversation_is_summed_up_and_the_next_run_sees_the_summary(
    stack: Stack,
) -> None:
    """The summary is paid for by the run that needs it, and stands for all before it."""
    long = {"input_tokens": 1500, "output_tokens": 10}
    async with AnthropicFake() as fake:
        fake.say("first answer", usage=long)
        fake.say("the gist", usage={"input_tokens": 2000, "output_tokens": 20})
        fake.say("second answer", usage={"input_tokens": 100, "output_tokens": 10})
        fake.say("third answer", usage={"input_tokens": 200, "output_tokens": 10})
        async with thinker(stack, fake, session=SHORT) as name:
            first = await stack.run(name, f"{name}-1")
            second = await stack.run(name, f"{name}-2")
            third = await stack.run(name, f"{name}-3")
            session = (await stack.keeper(name)).session("default")
        nodes = await get_transcript(stack.store, second.transcript)
    assert "first answer" in told(fake, 2)
    for number in (3, 4):
        assert "Summary of the conversation so far:" in told(fake, number)
        assert "the gist" in told(fake, number)
        assert "first answer" not in told(fake, number)
    assert "second answer" in told(fake, 4)
    assert [node.sums_up for node in nodes] == [True, False]
    # Haiku: 1 dollar a million in, 5 out; the second run paid for the summary as well.
    costs = [run.usage.cost_micros for run in (first, second, third)]
    assert costs == [1550, 2000 + 100 + 100 + 50, 250]
    assert [run.turns for run in (first, second, third)] == [1, 1, 1]
    assert session.conversation is not None
    assert session.conversation.tokens == 210
    assert session.memory is None


async def test_summary_that_is_cut_fails_the_run_and_keeps_the_conversation(stack: Stack) -> None:
    """Half a summary would lose the rest for good: nobody goes on from it, and it is paid for."""
    async with AnthropicFake() as fake:
        fake.say("first answer", usage={"input_tokens": 1500})
        fake.say("the g", stop="max_tokens", usage={"input_tokens": 2000, "output_tokens": 20})
        async with thinker(stack, fake, session=SHORT) as name:
            first = await stack.run(name, f"{name}-1")
            ending = await ending_of(await stack.start(name, f"{name}-2"))
            keeper = await stack.keeper(name)
    session, entries = keeper.session("default"), list(keeper.ledger.values())
    assert ending.result.category is FailureCategory.OUTCOME_INVALID
    assert "could not be summed up: the model stopped with max_tokens" in ending.message
    assert "raise runtime.max_output_tokens" in ending.message
    assert f"'rota memory reset-conversation {name} --session default'" in ending.message
    assert session.conversation is not None
    assert session.conversation.head == first.transcript
    assert ending.result.usage.cost_micros == entries[1].usage.cost_micros == 2000 + 100
    assert (ending.result.turns, ending.result.usage.unknown_attempts) == (0, 0)


async def test_summary_that_was_lost_is_counted_and_asked_for_again(stack: Stack) -> None:
    """A cut stream may be billed: the run says so, and has its summary in the end."""
    async with AnthropicFake() as fake:
        fake.say("first answer", usage={"input_tokens": 1500})
        fake.fail(500)
        fake.say("the gist")
        fake.say("second answer")
        async with thinker(stack, fake, session=SHORT) as name:
            await stack.run(name, f"{name}-1")
            second = await stack.run(name, f"{name}-2")
    assert second.usage.unknown_attempts == 1
    assert "the gist" in told(fake, 4)


async def test_summary_that_never_came_fails_the_run_with_what_it_may_have_cost(
    stack: Stack,
) -> None:
    """Every attempt at it may be billed, and none is forgotten because no turn was taken."""
    async with AnthropicFake() as fake:
        fake.say("first answer", usage={"input_tokens": 1500})
        for _ in range(3):
            fake.fail(500)
        async with thinker(stack, fake, session=SHORT) as name:
            await stack.run(name, f"{name}-1")
            ending = await ending_of(await stack.start(name, f"{name}-2"))
            entries = (await stack.keeper(name)).ledger.values()
    assert ending.result.category is FailureCategory.TRANSIENT
    assert ending.result.usage.unknown_attempts == 3
    assert [entry.usage.unknown_attempts for entry in entries] == [0, 3]


async def test_conversation_that_no_model_can_read_says_how_to_begin_anew(stack: Stack) -> None:
    """Every later run would fail the same way: the message names both ways out."""
    async with AnthropicFake() as fake:
        fake.say("first answer", usage={"input_tokens": 1500})
        fake.fail(400, "invalid_request_error", message="prompt is too long: 9 > 8 maximum")
        async with thinker(stack, fake, session=SHORT) as name:
            await stack.run(name, f"{name}-1")
            ending = await ending_of(await stack.start(name, f"{name}-2"))
    assert ending.result.category is FailureCategory.CONTEXT_OVERFLOW
    assert "lower session.compact_above" in ending.message
    assert f"'rota memory reset-conversation {name} --session default'" in ending.message


async def test_conversation_that_overflows_in_a_turn_says_how_to_begin_anew(stack: Stack) -> None:
    """An answer cut at the window's end tells the same way out as a refused request."""
    async with AnthropicFake() as fake:
        fake.say("first answer")
        fake.say("second ans", stop="model_context_window_exceeded")
        async with thinker(stack, fake, session=SAME) as name:
            await stack.run(name, f"{name}-1")
            ending = await ending_of(await stack.start(name, f"{name}-2"))
    assert ending.result.category is FailureCategory.CONTEXT_OVERFLOW
    assert "lower session.compact_above" in ending.message
    assert f"'rota memory reset-conversation {name} --session default'" in ending.message


async def test_fallback_sums_up_where_the_runtime_cannot(stack: Stack) -> None:
    """The summary has the same second chance as a turn, and the run goes on with who gave it."""
    async with AnthropicFake() as fake:
        fake.say("first answer", usage={"input_tokens": 1500})
        for _ in range(2):
            fake.fail(529, "overloaded_error")
        instead = script({"result": "second answer"})
        async with thinker(stack, fake, session=SHORT, runtime={"fallback": [instead]}) as name:
            await stack.run(name, f"{name}-1")
            second = await stack.run(name, f"{name}-2")
        nodes = await get_transcript(stack.store, second.transcript)
    assert (second.output, second.runtime) == ("second answer", "scripted")
    assert nodes[0].reply.text == "1 answers; the last one: first answer"
    assert len(fake.requests) == 3


async def test_rerun_of_a_slot_says_nothing_twice(stack: Stack) -> None:
    """A re-run begins where the slot's first run began, and takes its place."""
    slot = "2026-11-22T06:00:00Z"
    async with AnthropicFake() as fake:
        for words in ("before", "once", "once more", "after"):
            fake.say(words)
        async with thinker(stack, fake, session=SAME) as name:
            await stack.run(name, f"{name}-1")
            await stack.run(name, f"{name}-2", slot=slot)
            await stack.run(name, f"{name}-3", slot=slot, trigger="rerun")
            await stack.run(name, f"{name}-4")
    assert "before" in told(fake, 3)
    assert "once" not in told(fake, 3)
    assert "once more" in told(fake, 4)
    assert "'once'" not in told(fake, 4)


async def test_lost_conversation_says_how_to_begin_anew_and_then_does(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation that is not in the store fails by name, until a person lets it go."""
    async with stack.worker():
        name = stack.name("forgetful")
        await stack.declare(name, runtime=script({"result": "done"}), session=SAME)
        first = await stack.run(name, f"{name}-1")
        assert first.transcript is not None
        digest = first.transcript
        real = type(stack.store).get

        async def missing(self: Any, wanted: str) -> bytes:
            if wanted == digest:
                raise ObjectMissingError(f"no object {wanted}")
            return await real(self, wanted)

        monkeypatch.setattr(type(stack.store), "get", missing)
        ending = await ending_of(await stack.start(name, f"{name}-2"))
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        assert await keeper.execute_update("reset_conversation", "default") is True
        anew = await stack.run(name, f"{name}-3")
    assert ending.result.category is FailureCategory.INVALID_REQUEST
    assert f"rota memory reset-conversation {name} --session default" in ending.message
    assert anew.output == "done"


async def test_scripted_runs_go_on_and_sum_up_at_no_cost(stack: Stack) -> None:
    """Each run plays its script from the first turn; keys of calls count its own alone."""
    turns = (
        {"calls": [{"tool": "calc.add", "args": {"a": 1, "b": 2}}]},
        {"result": "{results.calc_add}", "usage": {"input_tokens": 1500}},
    )
    async with stack.worker([add]):
        name = stack.name("scripted")
        await stack.declare(name, runtime=script(*turns), tools=["calc.add"], session=SHORT)
        runs = [await stack.run(name, f"{name}-{number}") for number in (1, 2, 3)]
        nodes = [await get_transcript(stack.store, run.transcript) for run in runs]
    assert [run.output for run in runs] == ["3", "3", "3"]
    assert [run.usage.cost_micros for run in runs] == [0, 0, 0]
    assert [[node.turn for node in each] for each in nodes] == [[1, 2], [0, 1, 2], [0, 1, 2]]
