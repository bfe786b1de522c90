"""Outages that show in late starts: how long they were, and what is none."""

from datetime import timedelta

import pytest

from rota.expected.evidence import Evidence, Fired, Outage
from rota.expected.live import LiveSchedule
from rota.expected.outages import outages_of
from rota.expected.verdicts import verdict_of
from tests.rota.expected.known import NOW, evidence
from tests.rota.keepers.desks import HOUR, T0
from tests.schedules.slot_entries import entry

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
FIRST = entry("r0", T0)
SEEN = T0 + 3 * SECOND + timedelta.resolution
"""Just after the last sign of life that `FIRST` gives."""


def late(hours: int, minutes: int) -> Evidence:
    """The slot of one hour started so many minutes after its time, and those after it did not."""
    slot = T0 + hours * HOUR
    began = slot + minutes * MINUTE
    return evidence(FIRST, entry("late", slot, admitted_at=began, settled_at=began + SECOND))


def test_late_start_shows_an_outage_since_the_last_sign_of_life() -> None:
    """Nobody was there to start it; it was over when it was started."""
    (outage,) = outages_of(late(1, 9))
    assert outage == Outage(since=SEEN, until=T0 + HOUR + 9 * MINUTE)


def test_outage_ends_with_the_next_slot_that_was_started_on_time() -> None:
    """A slot that a person has had started days later does not make days of an outage."""
    known = late(1, 200)
    on_time = evidence(*known.entries, entry("r2", T0 + 2 * HOUR))
    (outage,) = outages_of(on_time)
    assert outage.until == T0 + 2 * HOUR + SECOND


@pytest.mark.parametrize(
    ("overlap", "minutes", "outages"),
    [("skip", 9, 1), ("skip", 12, 0), ("queue_all", 12, 1), ("allow", 200, 0)],
)
def test_start_beyond_the_catch_up_window_is_a_backfill(
    overlap: str, minutes: int, outages: int
) -> None:
    """The server itself starts nothing so old, unless it held it back: that was a person."""
    slot = T0 + HOUR
    fired = {slot: Fired(run="late", at=slot + minutes * MINUTE)}
    assert len(outages_of(evidence(FIRST, overlap=overlap, fired=fired))) == outages


def test_backfill_of_an_old_slot_leaves_the_reasons_of_later_ones() -> None:
    """What nobody could explain before, nobody can after."""
    slots = [entry(f"r{hour}", T0 + hour * HOUR) for hour in (0, 2, 3, 5)]
    old, gap = T0 + HOUR, T0 + 4 * HOUR
    began = NOW - MINUTE
    backfilled = entry("old", old, admitted_at=began, settled_at=NOW)
    fired = {old: Fired(run="old", at=began, ended=NOW)}
    before = verdict_of(evidence(*slots), gap, NOW)
    after = verdict_of(evidence(*slots, backfilled, fired=fired), gap, NOW)
    assert before.state.value == after.state.value == "unknown"


@pytest.mark.parametrize(
    ("gaps", "dropped", "state"),
    [
        pytest.param((2,), 1, "outside_window", id="as many as the server has counted"),
        pytest.param((2,), 9, "outside_window", id="others were dropped before"),
        pytest.param((2, 3), 1, "unknown", id="more than it has counted"),
        pytest.param((2,), 0, "unknown", id="it has counted none"),
    ],
)
def test_count_of_the_server_explains_no_more_slots_than_it_has_dropped(
    gaps: tuple[int, ...], dropped: int, state: str
) -> None:
    """One drop long ago does not explain every later gap."""
    hours = [hour for hour in range(-1, 5) if hour not in gaps]
    entries = [entry(f"r{hour}", T0 + hour * HOUR) for hour in hours]
    known = evidence(*entries, live=LiveSchedule(too_old=dropped, created=T0 - HOUR))
    assert {verdict_of(known, T0 + gap * HOUR, NOW).state.value for gap in gaps} == {state}


def test_count_of_the_server_explains_no_slot_in_whose_window_it_was_there() -> None:
    """A run that began five minutes after the slot had somebody to start it."""
    entries = [entry(f"r{hour}", T0 + hour * HOUR) for hour in (-1, 0, 1, 3, 4)]
    alive = entry("by hand", T0 + 2 * HOUR + 5 * MINUTE)
    known = evidence(*entries, alive, live=LiveSchedule(too_old=1, created=T0 - HOUR))
    told = verdict_of(known, T0 + 2 * HOUR, NOW)
    assert told.state.value == "unknown"
    assert "the server has dropped 1 slot since" in told.reason
