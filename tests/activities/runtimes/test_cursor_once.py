"""A Cursor agent whose steps are repeated, that goes on, or is stopped: no work is done twice."""

from collections.abc import AsyncIterator

import pytest

from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Told
from tests.activities.runtimes.cursor_driver import Bench, cursor_bench, words
from tests.fakes.cursor_jobs import Fault, Job

C = FailureCategory


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Agents that play a script."""
    async with cursor_bench() as bench:
        yield bench


@pytest.mark.parametrize("honours_keys", [True, False])
async def test_start_whose_answer_was_lost_begins_no_second_agent(honours_keys: bool):
    """The agent's own id proves the first start, with or without the idempotency key."""
    async with cursor_bench(honours_keys=honours_keys) as bench:
        fake = bench.fake
        fake.add(Job("Mended."))
        request = bench.request()
        fake.fail(Fault(works=True))
        with pytest.raises(StepError) as caught:
            await bench.runtime.submit(request)
        assert (caught.value.category, caught.value.maybe_billed) == (C.TRANSIENT, True)
        session = await bench.runtime.submit(request)
        assert len(fake.begun) == 1
        assert (await bench.watch(session, request)).message.text == "Mended."


async def test_repair_is_another_run_of_the_agent_and_both_are_counted(bench: Bench):
    """What is to be mended goes to the same agent; its answer and all use come out."""
    bench.fake.add(Job("wrong"), Job("right", input=10, output=0, hidden_reads=3))
    request = bench.request()
    session = await bench.runtime.submit(request)
    await bench.watch(session, request)
    session = await bench.runtime.answer(session, request, Told(message=words("No.")), False)
    assert (await bench.watch(session, request)).message.text == "right"
    collected = await bench.runtime.collect(session, request, "")
    assert collected.usage is not None
    assert collected.usage.cost_micros == (100 * 300 + 20 * 1500) + 10 * 300


@pytest.mark.parametrize("honours_keys", [True, False])
async def test_repair_whose_answer_was_lost_is_not_told_twice(honours_keys: bool):
    """A second attempt looks at the newest run first."""
    async with cursor_bench(honours_keys=honours_keys) as bench:
        fake = bench.fake
        fake.add(Job("wrong"), Job("right"))
        request = bench.request()
        session = await bench.runtime.submit(request)
        await bench.watch(session, request)
        fake.fail(Fault(works=True, fits="POST"))
        told = Told(message=words("No."))
        with pytest.raises(StepError):
            await bench.runtime.answer(session, request, told, False)
        session = await bench.runtime.answer(session, request, told, True)
        assert len(fake.begun) == 2
        assert (await bench.watch(session, request)).message.text == "right"


async def test_next_run_goes_on_with_the_agent_and_counts_its_own_use(bench: Bench):
    """A continued agent keeps its id; what it used before is not the new run's."""
    bench.fake.add(Job("Monday."), Job("Tuesday.", input=7, output=0))
    first = bench.request()
    session = await bench.runtime.submit(first)
    await bench.watch(session, first)
    following = bench.request(2, previous=session)
    again = await bench.runtime.submit(following)
    assert again.id == session.id
    assert (await bench.watch(again, following)).message.text == "Tuesday."
    collected = await bench.runtime.collect(again, following, "")
    assert collected.usage is not None
    assert (collected.usage.input_tokens, collected.usage.cost_micros) == (7, 2100)


async def test_agent_that_is_gone_does_not_go_on(bench: Bench):
    """A continued agent that was deleted says how to begin a new one; nothing was done."""
    bench.fake.add(Job("Monday."))
    session = await bench.runtime.submit(bench.request())
    bench.fake.lose()
    with pytest.raises(StepError, match=r"session\.continue: new") as caught:
        await bench.runtime.submit(bench.request(2, previous=session))
    assert caught.value.category is C.INVALID_REQUEST


async def test_cancel_is_confirmed_by_the_runs_status(bench: Bench):
    """A run at work is cancelled, seen to have ended, and its use is told."""
    bench.fake.add(Job(hang=True))
    request = bench.request()
    session = await bench.runtime.submit(request)
    stopped = await bench.runtime.cancel(session, request.settings)
    assert (stopped.confirmed, stopped.text) == (True, "its run is CANCELLED")
    assert stopped.usage is not None
    assert stopped.usage.input_tokens == 100
    assert (await bench.runtime.cancel(session, request.settings)).confirmed
    assert bench.fake.cancels == 1


async def test_cancel_stops_a_prompt_whose_answer_was_lost(bench: Bench):
    """The newest run is stopped, also if only the provider knows it."""
    bench.fake.add(Job("wrong"), Job(hang=True))
    request = bench.request()
    session = await bench.runtime.submit(request)
    await bench.watch(session, request)
    bench.fake.fail(Fault(works=True, fits="POST"))
    with pytest.raises(StepError):
        await bench.runtime.answer(session, request, Told(message=words("No.")), False)
    assert (await bench.runtime.cancel(session, request.settings)).confirmed
    assert bench.fake.begun[-1].cancelled


async def test_cancel_that_sees_no_end_is_not_confirmed(bench: Bench):
    """A run that works on after it was cancelled is told as such."""
    bench.fake.add(Job(hang=True, deaf=True))
    request = bench.request()
    session = await bench.runtime.submit(request)
    stopped = await bench.runtime.cancel(session, request.settings)
    assert not stopped.confirmed
    assert "RUNNING" in stopped.text
