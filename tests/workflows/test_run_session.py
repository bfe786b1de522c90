"""A run whose thinking a provider does by itself: on the real server, with the double."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.documents import get_transcript
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.tools import tool
from tests.contract.double_provider import (
    Asks,
    Calls,
    Ends,
    Fails,
    FakeProvider,
    Hangs,
    Says,
    Waits,
)
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.doubled import Doubles, activities_of, status_shows
from workers import worker


@tool(name="sums.add", effect="read")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.fixture
def doubles(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """A provider of one's own."""
    return Doubles(stack, FakeProvider(), monkeypatch)


async def test_session_run_is_submitted_watched_and_collected(doubles: Doubles) -> None:
    """One start, its name in history before the first look; answer, use, links and place told."""
    doubles.provider.acts = [Says("reading"), Ends("Done.", links={"branch": "fix-1"})]
    async with doubles.worker() as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        result = await handle.result()
        steps = await activities_of(handle)
        (node,) = await get_transcript(doubles.stack.store, result.transcript)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
    assert steps == ["submit_session", "observe_session", "collect_session"]
    assert doubles.provider.starts == 1
    assert doubles.provider.stops == 0
    assert (result.usage.input_tokens, result.usage.cost_micros) == (200, 1400)
    assert result.links == {"branch": "fix-1"}
    assert (result.runtime, result.provider) == ("double", "https://double.example/s1")
    assert node.session is not None
    assert node.session.id == "s1"
    assert "Input:" in node.added[0].text
    (request,) = doubles.provider.requests
    assert request.labels["rota_run"] == f"{name}-1"
    assert len(request.key) == 64
    assert request.deadline is not None


async def test_session_that_is_not_told_at_its_start_is_told_before_it_is_watched(
    doubles: Doubles,
) -> None:
    """Created and told are two steps; the transcript has the task once."""
    doubles.provider.acts = [Ends("Done.")]
    doubles.provider.tells_at_start = False
    async with doubles.worker() as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        result = await handle.result()
        steps = await activities_of(handle)
        (node,) = await get_transcript(doubles.stack.store, result.transcript)
    assert steps[:3] == ["submit_session", "answer_session", "observe_session"]
    (session,) = doubles.provider.sessions.values()
    assert [told.message for told in session.told] == [doubles.provider.requests[0].opening]
    assert node.added == (doubles.provider.requests[0].opening,)


async def test_sessions_that_are_watched_hold_no_slot_of_other_steps(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many sessions a worker watches, turns, tools and stops find their slots."""
    monkeypatch.setattr(worker, "MAX_STEPS", 2)
    stack, provider = doubles.stack, doubles.provider
    provider.acts = [Hangs()]
    other = stack.name("other")
    async with doubles.worker(session={"concurrency": "parallel"}) as name, asyncio.timeout(30):
        await stack.declare(other, runtime=script({"result": "done"}))
        watched: list[WorkflowHandle[Any, Any]] = []
        for number in (1, 2):
            provider.looking.clear()
            watched.append(await stack.start(name, f"{name}-{number}"))
            await provider.looking.wait()
        assert (await stack.run(other, f"{other}-1")).output == "done"
        for handle in watched:
            await handle.cancel()
            with pytest.raises(WorkflowFailureError):
                await handle.result()
    assert provider.stops == len(watched)


async def test_session_tool_calls_are_executed_here_and_their_results_told(
    doubles: Doubles,
) -> None:
    """Each stop is a turn of the transcript with what it used; results go back by call id."""
    doubles.provider.acts = [
        Calls((("sums.add", {"a": 1, "b": 2}), ("sums.add", {"a": 3, "b": 4}))),
        Calls((("sums.add", {"a": 3, "b": 7}),)),
        Ends("10"),
    ]
    async with doubles.worker(tools=[add]) as name:
        result = await doubles.stack.run(name, f"{name}-1")
        nodes = await get_transcript(doubles.stack.store, result.transcript)
    (session,) = doubles.provider.sessions.values()
    contents = [[result.content for result in told.results] for told in session.told]
    assert contents == [["3", "7"], ["10"]]
    assert [told.results[0].call_id for told in session.told] == ["0-0", "1-0"]
    assert (result.turns, result.tool_calls) == (3, 3)
    assert [node.usage.input_tokens for node in nodes] == [100, 100, 100]
    assert result.usage.input_tokens == 300
    assert result.usage.cost_micros == 2100
    assert all(call.key for node in nodes for call in node.reply.tool_calls)
    assert [node.stop for node in nodes] == ["tool_calls", "tool_calls", "end_turn"]


async def test_session_answer_that_does_not_fit_is_mended_once(doubles: Doubles) -> None:
    """The session is told what is wrong, and goes on."""
    doubles.provider.acts = [Ends("not JSON"), Ends('{"total": 1}')]
    schema = {"type": "object", "required": ["total"]}
    async with doubles.worker(output={"schema": schema}) as name:
        result = await doubles.stack.run(name, f"{name}-1")
    assert (result.output, result.turns) == ({"total": 1}, 2)
    (session,) = doubles.provider.sessions.values()
    assert session.told[0].message is not None
    assert "does not fit" in session.told[0].message.text


async def test_session_that_cannot_be_told_more_is_not_asked_to_mend(doubles: Doubles) -> None:
    """The run fails with the reason at once."""
    doubles.provider.acts = [Ends("not JSON"), Ends('{"total": 1}')]
    schema = {"type": "object", "required": ["total"]}
    promises = {"converse": False}
    async with doubles.worker(output={"schema": schema}, promises=promises) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_INVALID
    assert ending.result.turns == 1
    assert doubles.provider.stops == 0


@pytest.mark.parametrize(
    ("stop", "category"),
    [
        (StopReason.MAX_TOKENS, FailureCategory.OUTCOME_INVALID),
        (StopReason.REFUSED, FailureCategory.REFUSED),
    ],
)
async def test_session_that_ends_otherwise_fails_the_run_and_is_counted(
    doubles: Doubles, stop: StopReason, category: FailureCategory
) -> None:
    """Only a whole answer is success; what it cost is told all the same."""
    doubles.provider.acts = [Ends("cut", stop=stop)]
    async with doubles.worker() as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is category
    assert ending.result.usage.input_tokens == 100


async def test_session_that_answers_with_nothing_is_no_success(doubles: Doubles) -> None:
    """An empty answer is mended once, then fails the run."""
    doubles.provider.acts = [Ends(""), Ends(" ")]
    async with doubles.worker() as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_INVALID
    assert "the answer is empty" in ending.result.reason


async def test_session_wait_for_a_person_is_shown_and_is_no_run_time(doubles: Doubles) -> None:
    """The run stands as waiting, its clock still, and goes on once the person has come."""
    doubles.provider.acts = [Waits("Ada to sign in"), Says("on"), Ends("Done.")]
    async with doubles.worker(budget={"wall_clock": "3s"}) as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        status = await status_shows(handle, "Ada to sign in")
        assert status["status"] == "waiting"
        await asyncio.sleep(3.5)  # longer than the run may work
        (session,) = doubles.provider.sessions.values()
        session.person_came = True
        result = await handle.result()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")


async def test_session_nobody_comes_to_is_given_up_by_name(doubles: Doubles) -> None:
    """Beyond `runtime.patience` the run fails, says why, and stops the session."""
    doubles.provider.acts = [Waits("Ada"), Ends("late")]
    async with doubles.worker(runtime={"patience": "1s"}) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.TIMEOUT
    assert "runtime.patience" in ending.message
    assert doubles.provider.stops == 1


async def answered(handle: WorkflowHandle, question: str, value: bool, note: str = "") -> None:
    """Answer once the question is open."""
    await status_shows(handle, question)
    answer = {"question": question, "value": value, "note": note, "by": "ada"}
    await handle.execute_update("answer", answer)


async def test_session_question_is_asked_and_the_decision_told(doubles: Doubles) -> None:
    """Both are asked at once; a refusal reaches the provider with its reason."""
    doubles.provider.acts = [Asks(("run rm?", "run ls?")), Ends("Done.")]
    async with doubles.worker() as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        await answered(handle, "q1", False, "too dangerous")
        await answered(handle, "q2", True)
        result = await handle.result()
        nodes = await get_transcript(doubles.stack.store, result.transcript)
    (session,) = doubles.provider.sessions.values()
    (told,) = session.told
    assert told.decisions == {"run rm?": "denied by ada: too dangerous", "run ls?": ""}
    assert result.turns == 2
    assert [node.stop for node in nodes] == ["paused", "end_turn"]
    assert "run ls?: allowed" in nodes[1].added[0].text


async def test_session_failing_look_is_retried_and_progress_counts_anew(doubles: Doubles) -> None:
    """More failures than attempts, with progress between them, fail nothing."""
    broken = Fails(StepError(FailureCategory.TRANSIENT, "connection reset"))
    doubles.provider.acts = [broken, broken, Says("on"), broken, broken, Ends("Done.")]
    async with doubles.worker(retry={"attempts": 3, "backoff": "10ms"}) as name:
        result = await doubles.stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED


async def test_session_looks_that_keep_failing_end_the_run(doubles: Doubles) -> None:
    """After as many failures in a row as the agent has attempts."""
    broken = Fails(StepError(FailureCategory.OVERLOADED, "at capacity"))
    doubles.provider.acts = [broken] * 5
    async with doubles.worker(retry={"attempts": 3, "backoff": "10ms"}) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OVERLOADED
    assert len(doubles.provider.looks) == 3
    assert doubles.provider.stops == 1
