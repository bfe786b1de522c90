"""What people are told of runs: their end, their waits, each once, and nothing that costs them."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from activities.notifying import NotifyingActivities
from rota.notices.spec import Occasion
from rota.runs import RunStatus
from rota.tools import NeedsAnswer, ToolContext, ToolDefinition, tool
from rota.turns.questions import Question, QuestionKind
from rota.visibility import RESULT_MEMO
from tests.fakes.hook_receiver import HookReceiver
from tests.pipelines import declare_pipeline, run_pipeline
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate
from tests.workflows.money import add, give, parked, spending
from tests.workflows.notified import QUICK, Line, hook, no_way_out_at_first

DONE = script({"result": "done"})
BROKEN = script({"result": "{input.nothing}"})


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    """A receiver that takes everything."""
    with HookReceiver() as receiver:
        yield receiver


@pytest.fixture
def quick(stack: Stack) -> Stack:
    """A stack whose notifiers do not wait long."""
    stack.notifier_policy = QUICK
    return stack


def asking() -> ToolDefinition:
    """A tool that asks before it answers."""

    @tool(name="warehouse.query")
    def query(context: ToolContext) -> str:
        """Ask, then answer."""
        if not context.answers:
            raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Sure?"))
        return "done"

    return query


def facts(receiver: HookReceiver) -> list[dict[str, Any]]:
    """All that was told."""
    return [fact for got in receiver.taken for fact in got.body["data"]["facts"]]


async def test_run_that_fails_is_told_with_its_reason_and_what_to_do(
    quick: Stack, receiver: HookReceiver
) -> None:
    """By default whatever needs a person is told, success is not."""
    name = quick.name("report")
    entry = hook(quick, receiver)
    async with quick.worker():
        await quick.declare(name, runtime=BROKEN, notify=[entry], team="finance")
        ended = await ending_of(await quick.start(name, f"{name}-1"))
        await quick.declare(name, runtime=DONE, notify=[entry], team="finance")
        await quick.run(name, f"{name}-2")
        await Line(quick, entry).told(1)
    (told,) = facts(receiver)
    assert (told["agent"], told["team"], told["run"]) == (name, "finance", f"{name}-1")
    assert (told["occasion"], told["reason"]) == ("failed", ended.result.reason)
    assert told["todo"] == f"rota show {name}-1"


async def test_run_is_told_where_each_entry_wants_to_hear_of_it(
    quick: Stack, receiver: HookReceiver
) -> None:
    """One channel for failures, one for successes."""
    name = quick.name("report")
    with HookReceiver() as other:
        entries = [
            hook(quick, receiver, Occasion.FAILED),
            hook(quick, other, Occasion.SUCCEEDED),
        ]
        async with quick.worker():
            await quick.declare(name, runtime=DONE, notify=entries)
            await quick.run(name, f"{name}-1")
            await Line(quick, entries[1]).told(1)
        assert [fact["occasion"] for fact in facts(other)] == ["succeeded"]
    assert receiver.taken == []


async def test_agent_that_is_blocked_is_told_once_until_it_has_worked_or_the_reason_changes(
    quick: Stack, receiver: HookReceiver
) -> None:
    """However many slots there are."""
    name = quick.name("report")
    entry = hook(quick, receiver)

    async def blocked(number: int) -> None:
        ended = await ending_of(await quick.start(name, f"{name}-{number}"))
        assert ended.result.status is RunStatus.BLOCKED

    async with quick.worker():
        await quick.declare(name, runtime=DONE, tools=["not.there"], notify=[entry])
        for number in range(3):
            await blocked(number)
        await quick.declare(name, runtime=DONE, tools=["neither.there"], notify=[entry])
        for number in range(3, 5):
            await blocked(number)
        await quick.declare(name, runtime=DONE, notify=[entry])
        await quick.run(name, f"{name}-5")
        await quick.declare(name, runtime=DONE, tools=["not.there"], notify=[entry])
        await blocked(6)
        await Line(quick, entry).told(3)
    assert [fact["run"] for fact in facts(receiver)] == [f"{name}-{n}" for n in (0, 3, 6)]


async def test_question_is_told_when_the_run_begins_to_wait_for_its_answer(
    quick: Stack, receiver: HookReceiver
) -> None:
    """With the command that answers it."""
    name = quick.name("asker")
    entry = hook(quick, receiver, Occasion.QUESTION)
    calls = {"calls": [{"tool": "warehouse.query"}]}
    async with quick.worker([asking()]):
        await quick.declare(
            name,
            runtime=script(calls, {"result": "done"}),
            tools=["warehouse.query"],
            notify=[entry],
        )
        handle = await quick.start(name, f"{name}-1")
        await Line(quick, entry).told(1)
        (told,) = facts(receiver)
        assert (told["reason"], told["todo"]) == ("Sure?", f"rota answer {name}-1 q1")
        await handle.execute_update("answer", {"question": "q1", "value": True})
        await handle.result()


async def test_run_that_parks_is_told_once_with_what_lets_it_go_on(
    quick: Stack, receiver: HookReceiver
) -> None:
    """Also one that gives its reservation back first, and however often too little is given."""
    name = quick.name("spender")
    entry = hook(quick, receiver, Occasion.PARKED, Occasion.SUCCEEDED)
    budget = {"run_usd": 0.0025, "day_usd": 1}
    async with quick.worker([add]):
        await quick.declare(name, **spending(1000, 1000, 100), budget=budget, notify=[entry])
        run = await quick.start(name, f"{name}-1")
        reason = await parked(run)
        await give(run, "1", micros=100)
        await give(run, "2", micros=900)
        await run.result()
        await Line(quick, entry).told(2)
    told = {fact["occasion"]: fact for fact in facts(receiver)}
    assert len(facts(receiver)) == len(told) == 2
    assert reason.startswith(told["parked"]["reason"])
    assert (
        told["parked"]["todo"]
        == f'rota budget raise {name}-1 --usd 0.0025 --reason "it needs more"'
    )


async def test_pipeline_and_the_agent_of_its_node_each_tell_by_their_own_declaration(
    quick: Stack, receiver: HookReceiver
) -> None:
    """Two facts for two runs, in one message of one channel."""
    agent, pipeline = quick.name("report"), quick.name("night")
    entry = hook(quick, receiver)
    async with quick.worker():
        await quick.declare(agent, runtime=BROKEN, notify=[entry])
        await declare_pipeline(quick, pipeline, nodes={"a": {"agent": agent}}, notify=[entry])
        result = await run_pipeline(quick, pipeline, f"{pipeline}-1")
        await Line(quick, entry).told(2)
    node, whole = facts(receiver)
    assert (node["agent"], node["run"]) == (agent, f"{pipeline}-1/a")
    assert (whole["agent"], whole["run"]) == (pipeline, f"{pipeline}-1")
    assert (whole["occasion"], whole["reason"]) == ("failed", result.reason)


async def test_end_that_somebody_asked_for_is_told_to_those_who_want_to_hear_of_it(
    quick: Stack, receiver: HookReceiver
) -> None:
    """Cancelled on purpose, or skipped with a reason: no news by default."""
    name, gate = quick.name("report"), Gate()
    entries = [hook(quick, receiver, Occasion.CANCELLED, Occasion.SKIPPED)]
    session = {"concurrency": "skip"}
    async with quick.worker([gate.tool]):
        await quick.declare(name, **GATED, session=session, notify=entries)
        first = await quick.start(name, f"{name}-1")
        await gate.reached.wait()
        skipped = await quick.run(name, f"{name}-2")
        await first.cancel()
        gate.opened.set()
        with pytest.raises(WorkflowFailureError):
            await first.result()
        await Line(quick, entries[0]).told(2)
    told = {fact["run"]: (fact["occasion"], fact["reason"]) for fact in facts(receiver)}
    assert told[f"{name}-2"] == ("skipped", skipped.reason)
    assert told[f"{name}-1"] == ("cancelled", "cancelled by request")


async def test_receiver_that_never_answers_neither_fails_nor_delays_the_run(
    quick: Stack, receiver: HookReceiver
) -> None:
    """Telling is somebody else's work: the notifier's, which goes on with it for days."""
    receiver.is_down = True
    name = quick.name("report")
    async with quick.worker():
        await quick.declare(name, runtime=DONE, notify=[hook(quick, receiver, Occasion.SUCCEEDED)])
        async with asyncio.timeout(10):
            result = await quick.run(name, f"{name}-1")
    assert (result.status, receiver.taken) == (RunStatus.SUCCEEDED, [])


async def test_facts_that_cannot_be_posted_do_not_change_how_the_run_ends(
    quick: Stack, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up within seconds, and the run's result says so."""

    async def broken(*_: object) -> None:
        raise OSError("no way out")

    monkeypatch.setattr("workflows.notify_options.POST_PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr(NotifyingActivities, "_post", broken)
    name = quick.name("report")
    async with quick.worker():
        await quick.declare(name, runtime=DONE, notify=[hook(quick, receiver, Occasion.SUCCEEDED)])
        async with asyncio.timeout(20):
            run = await quick.start(name, f"{name}-1")
            result = await run.result()
        memo = await (await run.describe()).memo()
    assert (result.status, result.untold) == (RunStatus.SUCCEEDED, (Occasion.SUCCEEDED,))
    # Where lists of runs read it, and all there is of one that was cancelled.
    assert memo[RESULT_MEMO]["untold"] == ["succeeded"]


async def test_wait_that_nobody_could_be_told_of_is_told_while_it_lasts(
    quick: Stack, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is waited for hears of it once there is a way."""
    tried = no_way_out_at_first(monkeypatch)
    name, entry = quick.name("report"), hook(quick, receiver)
    calls = script({"calls": [{"tool": "warehouse.query"}]}, {"result": "done"})
    async with quick.worker([asking()]):
        await quick.declare(name, runtime=calls, tools=["warehouse.query"], notify=[entry])
        handle = await quick.start(name, f"{name}-1")
        await Line(quick, entry).told(1)
        await handle.execute_update("answer", {"question": "q1", "value": True})
        result = await handle.result()
    assert [fact["occasion"] for fact in facts(receiver)] == ["question"]
    assert (tried.is_set(), result.untold) == (True, ())


async def test_run_without_notify_has_no_further_event(quick: Stack) -> None:
    """Nor has one whose end nobody wants to hear of."""
    name = quick.name("report")
    async with quick.worker():
        await quick.declare(name, runtime=DONE)
        handle = await quick.start(name, f"{name}-1")
        await handle.result()
        history = await handle.fetch_history()
    markers = [
        event
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]
    assert len(markers) == 2  # admission and settlement
