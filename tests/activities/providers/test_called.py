"""A provider that calls is asked when it does, and else rarely; no call makes it be asked more."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.bells import Bell, listening
from activities.providers.called import (
    AFTERWARDS,
    SAFETY_LOOKS,
    CalledWaits,
    GrowingWaits,
    poll_or_called,
)
from activities.providers.polling import Still, poll
from activities.stores.local import LocalStore
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import SessionSettings

NOTHING = Still(progress=False)
FIRST = timedelta(seconds=2)


class Called(Bell):
    """A bell that is rung at certain seconds of a clock that the pauses move."""

    def __init__(self, *at: float) -> None:
        super().__init__(LocalStore(Path("unused")), "unused")
        self.now = 0.0
        self.asked = 0
        self._at = sorted(at)

    async def rung(self) -> bool:
        self.asked += 1
        due = [each for each in self._at if each <= self.now]
        self._at = self._at[len(due) :]
        return bool(due)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


async def looks(
    bell: Called, until: float, found: Iterable[Still | StepError] = (), **settings: timedelta
) -> list[float]:
    """When a session is looked at that ends then."""
    script = iter(found)
    made: list[float] = []
    waits = CalledWaits(
        bell,
        SessionSettings.model_validate({"poll": FIRST, **settings}),
        bell.sleep,
        bell.clock,
    )

    async def look() -> str | Still:
        made.append(round(bell.now, 1))
        match next(script, NOTHING):
            case StepError() as error:
                raise error
            case still:
                return "ended" if bell.now >= until else still

    watched: Callable[[], Awaitable[str | Still]] = waits.watched(look)
    assert await poll(watched, FIRST, waits.rest) == "ended"
    return made


async def test_call_is_followed_by_a_look_at_once() -> None:
    """Two looks for work of ten minutes, of which one is the first."""
    assert await looks(Called(50.0), 50.0) == [0, 50]


async def test_call_that_comes_before_the_end_is_followed_by_more_looks() -> None:
    """A workflow calls while it still works."""
    assert await looks(Called(50.0), 52.0) == [0, 50, 52]
    assert await looks(Called(50.0), 55.0) == [0, 50, 52, 55]


async def test_lost_call_is_found_out_within_a_minute() -> None:
    """Nobody calls: it is asked all the same."""
    assert await looks(Called(), 90.0) == [0, 60, 120]


async def test_looks_fit_into_the_longest_silence() -> None:
    """Else work that is well would be taken for work that is dead."""
    assert await looks(Called(), 20.0, inactivity=timedelta(seconds=30)) == [0, 10, 20]


async def test_look_that_fails_is_made_again_as_if_nobody_called() -> None:
    """The provider was away when its call came: its next one may never come."""
    broken = StepError(FailureCategory.OVERLOADED, "busy", retry_after=timedelta(seconds=9))
    made = await looks(Called(50.0), 59.0, [NOTHING, broken])
    assert made == [0, 50, 59]


@given(st.lists(st.floats(0, 300), max_size=200))
async def test_calls_never_lead_to_more_looks_than_polling(calls: list[float]) -> None:
    """Whoever knows the address can make us look, but not often."""
    made = await looks(Called(*calls), 300.0)
    pauses = [after - before for before, after in pairwise(made)]
    assert all(pause >= 1.9 for pause in pauses)
    assert len(made) <= 2 + 300 / SAFETY_LOOKS.total_seconds() + (1 + AFTERWARDS) * len(calls)


async def test_store_is_looked_into_every_two_seconds_at_most() -> None:
    """A look costs a request where the store is S3."""
    bell = Called()
    await looks(bell, 60.0)
    assert 25 <= bell.asked <= 32


async def test_session_of_a_provider_that_does_not_call_is_polled() -> None:
    """Without a bell everything is as before."""
    found = iter([NOTHING, NOTHING, "ended"])

    async def look() -> str | Still:
        return next(found)

    settings = SessionSettings(poll=timedelta(milliseconds=1))
    async with listening(None):
        assert await poll_or_called(look, settings) == "ended"


async def test_waits_for_a_person_grow_to_fifteen_times_the_first() -> None:
    """A wait of days is no reason to ask every two seconds."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    waits = GrowingWaits(FIRST, sleep)
    for _ in range(9):
        await waits.pause()
    assert made[:3] == [2, 3, 4.5]
    assert made[-2:] == [pytest.approx(30), pytest.approx(30)]
