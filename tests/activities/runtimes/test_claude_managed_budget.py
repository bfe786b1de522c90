"""The budget of a Managed Agents session: where it stops, and how it goes on."""

from collections.abc import AsyncIterator

import pytest

from rota.runtimes.session import SessionState, Told
from tests.activities.runtimes.managed_driver import Driver, managed_fake, words
from tests.fakes.managed_server import ManagedFake
from tests.fakes.managed_turns import Turn


@pytest.fixture
async def fake() -> AsyncIterator[ManagedFake]:
    """Sessions that play a script."""
    async with managed_fake() as fake:
        yield fake


async def test_session_at_its_budget_stops_and_goes_on_with_a_greater_one(fake: ManagedFake):
    """Nothing of it is lost: what it used is told, and what it may spend from here on is new."""
    fake.add(Turn(says=("more",), input=100, output=0), Turn(says=("done",), output=0))
    driver = Driver.on(fake, cap_micros=1_000_000)
    session = await driver.begin()
    seen = await driver.watch(session)
    assert (seen.state, seen.message.text) == (SessionState.CAPPED, "more")
    assert seen.usage is not None
    assert (seen.usage.cost_micros or 0) >= 1_000_000
    driver.request = driver.request.model_copy(update={"cap_micros": 3_000_000})
    session = await driver.tell(session, Told(message=words("Go on."), more=True))
    assert (await driver.watch(session)).state is SessionState.ENDED
    limit = fake.sessions[0].budget
    assert limit is not None
    raised = int(limit["max_list_cost"]["amount"])
    assert raised * 10_000 >= (seen.usage.cost_micros or 0) + 3_000_000


async def test_session_told_twice_that_there_is_more_is_given_it_once(fake: ManagedFake):
    """A later attempt finds the words told, and raises nothing a second time."""
    fake.add(Turn(says=("more",), input=100, output=0), Turn(says=("done",), output=0))
    driver = Driver.on(fake, cap_micros=1_000_000)
    session = await driver.begin()
    await driver.watch(session)
    told = Told(message=words("Go on."), more=True)
    await driver.tell(session, told)
    first = fake.sessions[0].budget
    await driver.tell(session, told, again=True)
    assert fake.sessions[0].budget == first
    assert (await driver.watch(session)).message.text == "done"
