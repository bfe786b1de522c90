"""A fleet that has fallen silent: slots have come, and nothing has begun for any."""

from datetime import datetime, timedelta

import pytest

from rota.notices.spec import Occasion
from rota.watchdog.looks import Looked
from rota.watchdog.memory import WatchMemory, remember
from rota.watchdog.silence import PATIENCE, SLOTS, Unstarted, silent, unstarted_since
from tests.rota.keepers.desks import T0

MINUTE = timedelta(minutes=1)
EARLY = T0 - MINUTE
MANY = tuple(Unstarted(T0, f"agent-{number}") for number in range(200))


def came(minutes: int, agent: str = "report") -> Unstarted:
    """A slot so many minutes after T0."""
    return Unstarted(T0 + minutes * MINUTE, agent)


@pytest.mark.parametrize(
    ("slots", "now", "is_silent"),
    [
        pytest.param([came(0), came(1), came(2)], PATIENCE, True, id="three of one agent"),
        pytest.param([*MANY], PATIENCE, True, id="agents that share a time"),
        pytest.param([came(0, "a"), came(0, "b")], PATIENCE, False, id="two"),
        pytest.param([came(0), came(0), came(0)], PATIENCE, False, id="one, judged three times"),
        pytest.param([came(0), came(1), came(2)], PATIENCE - MINUTE, False, id="just now"),
    ],
)
def test_fleet_is_silent_if_slots_have_come_and_nothing_has_begun_for_any(
    slots: list[Unstarted], now: timedelta, is_silent: bool
) -> None:
    """Three of whatever agents, the first some minutes ago."""
    waiting = unstarted_since((), slots, EARLY)
    assert (silent("f", waiting, T0 + now) is not None) == is_silent


def test_start_of_any_run_ends_the_silence_also_for_slots_that_are_judged_again() -> None:
    """Of the slots before it nobody is told, however long ago that start is."""
    memory, told = WatchMemory(judged_until=T0), list[tuple[Occasion, bool]]()
    old = tuple(came(minutes) for minutes in range(SLOTS))
    checks: list[tuple[int, tuple[Unstarted, ...], datetime | None]] = [
        (6, old, None),
        (7, (*old, came(-1, "other")), None),
        (8, old, T0 + 7 * MINUTE),
        (99, old, None),
    ]
    for minutes, slots, started in checks:
        page = Looked(agents=("report", "other"), unstarted=slots, last_start=started)
        memory, news = remember(memory, "f", [page], T0 + minutes * MINUTE, whole=True)
        told += [(each.alert.kind, each.resolved) for each in news]
    assert told == [(Occasion.SILENT, False), (Occasion.SILENT, True)]


def test_agents_of_whom_nothing_is_expected_any_more_are_not_waited_for() -> None:
    """Their schedules were taken away, or they were: else the silence would never end."""
    slots = [came(0, "a"), came(0, "b"), came(0, "c")]
    waiting = unstarted_since(slots, [], EARLY, resting={"a", "b"})
    assert waiting == (came(0, "c"),)
