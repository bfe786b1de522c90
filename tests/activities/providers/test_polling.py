"""How often a session is looked at, and what a look that fails does to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import pytest

from activities.providers.polling import Still, poll
from rota.failures import FailureCategory, StepError

C = FailureCategory
NOTHING, PROGRESS = Still(progress=False), Still(progress=True)
FIRST = timedelta(seconds=2)


class Clock:
    """Remembers the pauses instead of making them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def looks(
    *found: Still | str | StepError,
) -> Callable[[], Awaitable[Still | str]]:
    """Looks that find these, in order."""
    script = iter(found)

    async def look() -> Still | str:
        match next(script):
            case StepError() as error:
                raise error
            case result:
                return result

    return look


async def pauses(found: Iterable[Still | StepError]) -> list[float]:
    """The pauses made between these looks and the last one, which finds the end."""
    clock = Clock()
    assert await poll(looks(*found, "end"), FIRST, clock.sleep) == "end"
    return clock.pauses


async def test_poll_first_look_makes_no_pause():
    """What has ended already is not waited for."""
    assert await pauses([]) == []


async def test_poll_without_progress_grows_to_fifteen_times_the_first_pause():
    """A long quiet session is asked rarely, but never more rarely than that."""
    made = await pauses([NOTHING] * 10)
    assert made[:4] == [2, 3, 4.5, 6.75]
    assert made[-2:] == [30, 30]


async def test_poll_with_progress_begins_anew():
    """A session that moves is looked at soon again."""
    assert await pauses([NOTHING, NOTHING, PROGRESS, NOTHING]) == [2, 3, 2, 3]


@pytest.mark.parametrize("category", [c for c in C if c.retryable])
async def test_poll_passing_failure_is_a_look_without_progress(category: C):
    """A provider that cannot answer now says nothing about the session."""
    failure = StepError(category, "not now")
    assert await pauses([failure, failure, PROGRESS]) == [2, 3, 2]


async def test_poll_wait_asked_for_is_kept_where_it_is_longer():
    """The provider's own idea of a pause wins, unless it is the shorter one."""
    long = StepError(C.RATE_LIMITED, "slow down", retry_after=timedelta(seconds=40))
    short = StepError(C.RATE_LIMITED, "slow down", retry_after=timedelta(seconds=1))
    assert await pauses([long, short, short]) == [40, 3, 4.5]


@pytest.mark.parametrize("category", [c for c in C if not c.retryable])
async def test_poll_final_failure_is_raised(category: C):
    """What will not pass ends the watching at once."""
    failure = StepError(category, "never")
    with pytest.raises(StepError) as caught:
        await poll(looks(NOTHING, failure), FIRST, Clock().sleep)
    assert caught.value is failure


async def test_poll_cancelled_in_a_pause_ends_at_once():
    """Watching that is cancelled stops, whatever the pause."""
    paused = asyncio.Event()

    async def sleep(seconds: float) -> None:
        paused.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(poll(looks(NOTHING), FIRST, sleep))
    await paused.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
