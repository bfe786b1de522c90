"""Effects of unknown outcome, on the real server: looked for, asked about, resolved."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities import safekeeping
from activities.effect_records import EffectRecords
from rota.effects.records import EffectStage
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import Reconciled, ToolContext, tool
from tests.stack import Stack
from tests.workflows.claude import ending_of, events_of
from tests.workflows.failing_store import FailingStore
from tests.workflows.posting import POSTING, Run, Service, parked, resolve


async def refusal(run: Run, effect: dict[str, Any], **said: Any) -> str:
    """Why that counts for nothing."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await resolve(run, effect, **said)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message


async def test_write_that_somebody_says_happened_has_the_receipt_as_its_result(
    stack: Stack,
) -> None:
    """The run parks, its keeper lists the question, and the model is told who has said so."""
    service, name = Service(loses=1), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        listed = (await stack.keeper(name)).open_effects
        told = await resolve(
            run, effect, happened=True, receipt={"number": 17}, by="ann", note="I looked"
        )
        result = await run.result()
        left = (await stack.keeper(name)).open_effects
        record = await EffectRecords(stack.store).newest(effect["key"])
    assert [(each.key, each.run.id) for each in listed] == [(effect["key"], f"{name}-1")]
    assert "lost in the middle" in listed[0].text
    assert told == f"effect {effect['key'][:16]} happened, says ann: I looked"
    assert json.loads(result.output) == {
        "happened": True,
        "note": "I looked",
        "receipt": {"number": 17},
        "said_by": "ann",
    }
    assert record is not None
    assert record.stage is EffectStage.HAPPENED
    assert record.resolution is not None
    assert record.resolution.by == "ann"
    assert (left, service.calls) == ((), 1)


async def test_write_that_somebody_says_did_not_happen_is_made_with_the_same_key(
    stack: Stack,
) -> None:
    """Once it is known that nothing is there, the call is made again."""
    service, name = Service(loses=1, books=False), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        # A plain function that fails by itself is over: nobody has to wait for it.
        await resolve(run, effect, happened=False, by="ann")
        result = await run.result()
        left = (await stack.keeper(name)).open_effects
    assert (result.output, service.calls, left) == ("booked as 1", 2, ())
    assert service.booked == [effect["key"]]


async def test_resolution_that_is_wrong_late_or_the_second_is_refused_with_a_reason(
    stack: Stack,
) -> None:
    """The first word counts; the same again changes nothing, and none is guessed."""
    service, name = Service(loses=2, books=False), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        other = await refusal(run, {"key": "0000"}, happened=True)
        odd = await refusal(run, effect, happened=False, receipt="17")
        huge = await refusal(run, effect, happened=True, receipt="x" * 70_000)
        await resolve(run, effect, happened=False)
        # The call is made again, and lost again: that is another question.
        async with asyncio.timeout(20):
            while service.calls < 2:  # noqa: ASYNC110 - the tool runs in a thread
                await asyncio.sleep(0.02)
        again = await parked(run)
        await resolve(run, again, happened=True)
        await run.result()
        with pytest.raises(Exception, match="already completed"):
            await resolve(run, effect, happened=True)
    assert "asks about no effect '0000'; it asks about:" in other
    assert "what did not happen has no receipt" in odd
    assert "at most 65536 may travel" in huge
    assert again["key"] == effect["key"]


async def test_word_that_contradicts_the_first_is_refused(stack: Stack) -> None:
    """Two people at once: one decides, the other is told so, whatever the order."""
    service, name = Service(loses=1, books=False), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        words = (
            resolve(run, effect, happened=True, by="ann"),
            resolve(run, effect, happened=False, by="bob"),
        )
        first, second = await asyncio.gather(*words, return_exceptions=True)
        await run.result()
    (refused,) = [each for each in (first, second) if isinstance(each, BaseException)]
    assert isinstance(refused, WorkflowUpdateFailedError)
    assert "is resolved already: it " in str(refused.cause)


async def test_attempt_that_was_taken_for_lost_and_reports_its_end_settles_it(
    stack: Stack,
) -> None:
    """The parked run looks again once nobody can be at work: no person is needed."""
    gone, name = threading.Event(), stack.name("poster")

    @tool(name="books.post", effect="write", timeout="500ms")
    def post() -> str:
        """Book, for longer than anybody waits."""
        gone.wait(20)
        return "booked"

    async with stack.worker([post]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        records = EffectRecords(stack.store)
        record = await records.newest(effect["key"])
        assert record is not None
        receipt = await stack.store.put(b"booked")
        done = record.next(EffectStage.HAPPENED, datetime.now(UTC), receipt=receipt)
        assert await records.advance(done)
        result = await run.result()
        gone.set()
        left = (await stack.keeper(name)).open_effects
    assert (result.output, left) == ("booked", ())


@pytest.mark.parametrize(("books", "calls"), [(True, 1), (False, 2)])
async def test_tool_that_can_look_settles_it_without_anybody(
    stack: Stack, books: bool, calls: int
) -> None:
    """Found: what it found is the result. Not found: the call is made again, once."""
    service, name = Service(loses=1, books=books), stack.name("poster")

    def look(context: ToolContext) -> Reconciled:
        found = context.idempotency_key in service.booked
        return Reconciled(found, "booked as 1" if found else None)

    async with stack.worker([service.tool(look)]):
        await stack.declare(name, **POSTING)
        result = await stack.run(name, f"{name}-1")
        left = (await stack.keeper(name)).open_effects
    assert (result.output, service.calls, len(service.booked)) == ("booked as 1", calls, 1)
    assert left == ()


async def test_tool_that_looks_and_cannot_say_leaves_it_to_people(stack: Stack) -> None:
    """Also one that fails while it looks: what it does not know, it does not decide."""
    service, name = Service(loses=1), stack.name("poster")

    def look(context: ToolContext) -> Reconciled:
        raise ConnectionError("the books are closed")

    async with stack.worker([service.tool(look)]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        await resolve(run, effect, happened=True)
        result = await run.result()
    assert result.status is RunStatus.SUCCEEDED
    assert service.calls == 1


async def test_run_nobody_answers_fails_as_outcome_unknown_and_the_question_stays(
    stack: Stack,
) -> None:
    """After `budget.park_for`; the reason says what to do, and the keeper still lists it."""
    service, name = Service(loses=1), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING, budget={"park_for": "1s"})
        ending = await ending_of(await stack.start(name, f"{name}-1"))
        (left,) = (await stack.keeper(name)).open_effects
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "Nobody said within 1s" in ending.message
    assert f"rota effects resolve {left.id} happened|did-not" in ending.message


async def test_parked_run_spends_no_time_and_keeps_its_session(stack: Stack) -> None:
    """Its wall clock stands still while people look."""
    service, name = Service(loses=1), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING, budget={"wall_clock": "3s"})
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        began = (await run.describe()).start_time
        holder = (await stack.keeper(name)).session("default").holder
        async with asyncio.timeout(20):
            while datetime.now(UTC) < began + timedelta(seconds=4):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await resolve(run, effect, happened=True)
        result = await run.result()
    assert result.status is RunStatus.SUCCEEDED
    assert holder is not None
    assert holder.id == f"{name}-1"


async def test_write_all_of_whose_attempts_are_lost_is_looked_for_not_failed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is gone until every attempt is used up: the run asks, and does not guess."""
    monkeypatch.setattr(safekeeping, "DELAYS_SECONDS", (0.0,) * 4)
    stack.store = store = FailingStore(stack.store, "set_ref", b"effects/", times=0)
    booked: list[str] = []

    @tool(name="books.post", effect="write", timeout="5s")
    def post(context: ToolContext) -> str:
        """Book, and lose the store for three attempts of five tries each."""
        booked.append(context.idempotency_key)
        store.times = 15
        return "booked"

    name = stack.name("poster")
    async with stack.worker([post]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        effect = await parked(run)
        await resolve(run, effect, happened=True)
        result = await run.result()
        names = [event.event_type for event in await events_of(run)]
    assert result.status is RunStatus.SUCCEEDED
    assert (len(booked), store.failed) == (1, 15)
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED in names
