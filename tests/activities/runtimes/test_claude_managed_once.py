"""A Managed Agents session whose steps are repeated: begun once, told once, taken up whole."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities.runtimes.claude_managed_events import Place
from rota.conversation import ToolResult
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import SessionState, Told
from tests.activities.runtimes.managed_driver import MATCH, Driver, managed_fake, words
from tests.fakes.managed_server import Fault, ManagedFake
from tests.fakes.managed_turns import Turn

C = FailureCategory


@pytest.fixture(params=[False, True], ids=["", "late"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[ManagedFake]:
    """Sessions that play a script; what they are told has its place at once, or late."""
    async with managed_fake(late=request.param) as fake:
        yield fake


def told(fake: ManagedFake) -> int:
    """How many messages the sessions were told."""
    return sum(len(session.told) for session in fake.sessions)


async def test_find_returns_the_session_of_a_start_whose_answer_was_lost(fake: ManagedFake):
    """What an earlier attempt created is found by its key, among others' sessions."""
    for number in range(2, 9):
        other = Driver.on(fake, number=number)
        await other.runtime.submit(other.request)
    driver = Driver.on(fake)
    fake.fail(Fault(works=True, fits="POST"))
    with pytest.raises(StepError) as caught:
        await driver.runtime.submit(driver.request)
    assert caught.value.category is C.TRANSIENT
    found = await driver.runtime.find(driver.request)
    assert found is not None
    assert (found.id, found.told) == (fake.sessions[-1].id, False)


async def test_find_of_nothing_is_none(fake: ManagedFake):
    """A start that never reached the provider may be made again."""
    driver = Driver.on(fake)
    assert await driver.runtime.find(driver.request) is None


async def test_find_archives_all_doubles_but_the_first(fake: ManagedFake):
    """Empty sessions that two attempts left behind are closed."""
    driver = Driver.on(fake)
    first = await driver.runtime.submit(driver.request)
    await driver.runtime.submit(driver.request)
    found = await driver.runtime.find(driver.request)
    assert found is not None
    assert found.id == first.id
    assert [bool(session.archived_at) for session in fake.sessions] == [False, True]


async def test_task_whose_telling_was_lost_is_not_told_twice(fake: ManagedFake):
    """A second attempt sees the message in the log, even after it was worked on."""
    fake.add(Turn(says=("Done.",)))
    driver = Driver.on(fake)
    session = await driver.runtime.submit(driver.request)
    task = Told(message=driver.request.opening)
    fake.fail(Fault(works=True, fits="/events"))
    with pytest.raises(StepError):
        await driver.tell(session, task)
    once = await driver.tell(session, task, again=True)
    assert told(fake) == 1
    assert once.told
    assert (await driver.watch(once)).state is SessionState.ENDED
    assert (await driver.tell(session, task, again=True)).data == once.data
    assert told(fake) == 1


async def test_task_that_did_not_arrive_is_told_by_the_second_attempt(fake: ManagedFake):
    """Looking first is no reason not to tell."""
    fake.add(Turn(says=("Done.",)))
    driver = Driver.on(fake)
    session = await driver.runtime.submit(driver.request)
    session = await driver.tell(session, Told(message=driver.request.opening), again=True)
    assert told(fake) == 1
    assert (await driver.watch(session)).message.text == "Done."


async def test_same_repair_told_for_a_second_answer_is_another_message(fake: ManagedFake):
    """Words that were told before, for an earlier answer, are told again."""
    fake.add(Turn(says=("one",)), Turn(says=("two",)), Turn(says=("three",)))
    driver = Driver.on(fake)
    session, _ = await driver.run()
    for answer in ("two", "three"):
        session = await driver.tell(session, Told(message=words("Mend it.")), again=True)
        assert (await driver.watch(session)).message.text == answer
    assert told(fake) == 3


async def test_results_that_arrived_are_not_sent_again(fake: ManagedFake):
    """A result names the call that it answers: the provider would refuse a second one."""
    fake.add(Turn(calls=(("ledger__match", {}),)), Turn(says=("Done.",)))
    driver = Driver.on(fake, tools=(MATCH,))
    session = await driver.begin()
    [call] = (await driver.watch(session)).message.tool_calls
    results = Told(results=(ToolResult(call_id=call.id, content="3"),))
    fake.fail(Fault(works=True, fits="POST"))
    with pytest.raises(StepError):
        await driver.tell(session, results)
    await driver.tell(session, results, again=True)
    assert (await driver.watch(session)).message.text == "Done."


async def test_watch_taken_up_by_another_worker_has_all_that_was_said(fake: ManagedFake):
    """What the session said before the first watch was lost is in the second one's answer."""
    fake.add(Turn(says=("Looking.",), calls=(("ledger__match", {}),), thinks=3, pause=0.02))
    driver = Driver.on(fake, tools=(MATCH,))
    session = await driver.begin()
    watch = asyncio.create_task(driver.watch(session))
    await driver.progress.wait()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    driver.cursor = driver.reports[-1][0]
    seen = await driver.watch(session)
    assert (seen.message.text, len(seen.message.tool_calls)) == ("Looking.", 1)
    assert not fake.sessions[0].interrupts


async def test_cursor_stays_small_in_a_burst_of_events(fake: ManagedFake):
    """A place in the log fits into a heartbeat, however many events share an instant."""
    fake.add(Turn(says=tuple(f"line {n}" for n in range(60))), Turn(says=("mended",)))
    driver = Driver.on(fake)
    session = await driver.begin()
    seen = await driver.watch(session)
    assert seen.message.text == "\n".join(f"line {n}" for n in range(60))
    assert len(seen.cursor.encode()) < 1024
    session = await driver.tell(session, Told(message=words("Mend it.")))
    assert (await driver.watch(session)).message.text.endswith("mended")


def test_place_knows_its_instant_however_it_is_written():
    """Zeros at the end of a time make no other instant."""
    place = Place().after({"id": "a", "processed_at": "2026-01-01T00:00:00.500Z"})
    assert place is not None
    place = place.after({"id": "b", "processed_at": "2026-01-01T00:00:00.5Z"})
    assert place is not None
    assert place.ids == ("a", "b")
    assert place.after({"id": "a", "processed_at": "2026-01-01T00:00:00.5Z"}) is None
    assert Place.parse(str(place)) == place


async def test_next_run_goes_on_with_the_session(fake: ManagedFake):
    """A continued session keeps its id; only what the new run adds is its own."""
    fake.add(Turn(says=("Monday.",)), Turn(says=("Tuesday.",), input=7, output=1))
    session, first = await Driver.on(fake, cap_micros=5_000_000).run()
    following = Driver.on(fake, number=2, previous=session, cap_micros=3_000_000)
    again, second = await following.run()
    assert again.id == session.id
    assert again.base == first.usage
    assert second.message.text == "Tuesday."
    # $2.00 were used, and the second run may use $3.00 more.
    assert fake.sessions[0].budget == {
        "type": "limit",
        "max_list_cost": {"amount": "500", "currency": "USD"},
    }
    assert second.usage is not None
    assert second.usage.cost_micros == 2_120_000
    assert fake.sessions[0].told == [f"{1:064x}", f"{2:064x}"]


async def test_next_run_with_the_same_task_tells_it_anew(fake: ManagedFake):
    """A second attempt does not take the last run's task for its own."""
    fake.add(Turn(says=("Monday.",)), Turn(says=("Tuesday.",)))
    session, _ = await Driver.on(fake).run()
    following = Driver.on(fake, number=2, previous=session)
    taken_up = await following.runtime.submit(following.request)
    task = Told(message=following.request.opening)
    taken_up = await following.tell(taken_up, task, again=True)
    assert (await following.watch(taken_up)).message.text == "Tuesday."


async def test_next_run_with_other_tools_gives_them_to_the_session(fake: ManagedFake):
    """The tools that run here are those of the run that goes on."""
    fake.add(Turn(says=("Monday.",)))
    session, _ = await Driver.on(fake).run()
    following = Driver.on(fake, number=2, previous=session, tools=(MATCH,))
    await following.runtime.submit(following.request)
    names = [tool.get("name") for tool in fake.sessions[0].agent["tools"]]
    assert names == [None, "ledger__match"]


async def test_session_that_cannot_go_on_is_not_begun_anew(fake: ManagedFake):
    """What was archived, or is gone, says how to begin a new one."""
    fake.add(Turn(says=("Monday.",)))
    session, _ = await Driver.on(fake).run()
    following = Driver.on(fake, number=2, previous=session)
    await following.runtime.cancel(session, following.request.settings)
    with pytest.raises(StepError, match=r"session\.continue: new") as caught:
        await following.runtime.submit(following.request)
    assert caught.value.category is C.INVALID_REQUEST
    fake.lose()
    with pytest.raises(StepError, match=r"session\.continue: new"):
        await following.runtime.submit(following.request)
