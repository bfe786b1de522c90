"""What was in force when: remembered by the keeper, asked by whoever judges a slot."""

from datetime import timedelta

from rota.expected import in_force
from rota.expected.in_force import MOST_VERSIONS, Chronicle, Toggle
from rota.schedule.slot_times import times_between
from tests.rota.keepers.desks import HOUR, T0, pinned

HOURLY = {"cron": "0 * * * *"}
HALF = {"cron": "30 * * * *"}


def test_declared_again_without_a_change_leaves_the_chronicle() -> None:
    """An apply that changes nothing is no version of its own."""
    spec = pinned(schedule=HOURLY)
    once = in_force.declared(Chronicle(), spec, T0)
    assert in_force.declared(once, spec, T0 + HOUR) == once


def test_slots_of_a_changed_schedule_are_those_of_their_own_time() -> None:
    """Not what is declared today: what was declared then."""
    chronicle = in_force.declared(Chronicle(), pinned(schedule=HOURLY), T0)
    changed = pinned(digest="e", schedule=HALF)
    chronicle = in_force.declared(chronicle, changed, T0 + 2 * HOUR)
    chronicle = in_force.declared(chronicle, None, T0 + 4 * HOUR)
    slots = in_force.slots_in_force(chronicle, T0 - HOUR, T0 + 9 * HOUR)
    half = timedelta(minutes=30)
    assert [(slot - T0, entry.version) for slot, entry in slots] == [
        (timedelta(0), "d"),
        (HOUR, "d"),
        (2 * HOUR + half, "e"),
        (3 * HOUR + half, "e"),
    ]


def test_declarations_beyond_the_limit_drop_the_oldest() -> None:
    """A keeper's state does not grow with every apply; what was dropped is not guessed."""
    chronicle = Chronicle()
    for number in range(MOST_VERSIONS + 5):
        schedule = {"every": f"{number + 1}h"}
        changed = pinned(digest=str(number), schedule=schedule)
        chronicle = in_force.declared(chronicle, changed, T0 + number * HOUR)
    assert len(chronicle.declared) == MOST_VERSIONS
    assert chronicle.declared_at(T0) is None


def test_declarations_that_leave_the_schedule_alone_do_not_shorten_what_is_known() -> None:
    """Ten new prompts a day, and the slots of the first day are still those of their time."""
    chronicle = in_force.declared(Chronicle(), pinned(digest="a", schedule=HOURLY), T0)
    for number in range(200):
        prompted = pinned(digest=str(number), schedule=HALF, applied_by="ci")
        chronicle = in_force.declared(chronicle, prompted, T0 + (3 + number) * HOUR)
    assert len(chronicle.declared) == MOST_VERSIONS
    slots = in_force.slots_in_force(chronicle, T0, T0 + 4 * HOUR)
    half = timedelta(minutes=30)
    assert [slot - T0 for slot, _ in slots] == [0 * HOUR, HOUR, 2 * HOUR, 3 * HOUR + half]
    first, many, *single = chronicle.declared
    assert (first.version, many.version, many.since) == ("a", "", T0 + 3 * HOUR)
    assert [entry.version for entry in single] == [str(number) for number in range(152, 200)]


def test_paused_at_follows_the_last_word_before_the_moment() -> None:
    """Also where words came out of order, or twice."""
    chronicle = in_force.declared(Chronicle(), pinned(schedule=HOURLY), T0)
    words = [(5, False), (2, True), (3, True), (9, True)]
    for hours, paused in words:
        toggle = Toggle(at=T0 + hours * HOUR, paused=paused, note=str(hours))
        chronicle = in_force.toggled(chronicle, toggle)
    notes = [chronicle.paused_at(T0 + hours * HOUR) for hours in (1, 2, 4, 5, 8, 10)]
    told = [toggle.note if toggle else None for toggle in notes]
    assert told == [None, "2", "2", None, None, "9"]


def test_paused_at_before_any_word_is_as_declared() -> None:
    """`paused: true` in the file is a pause; a resume by hand ends it."""
    spec = pinned(schedule={**HOURLY, "paused": True})
    chronicle = in_force.declared(Chronicle(), spec, T0)
    chronicle = in_force.toggled(chronicle, Toggle(at=T0 + 2 * HOUR, paused=False))
    assert chronicle.paused_at(T0 + HOUR) is not None
    assert chronicle.paused_at(T0 + 3 * HOUR) is None


def test_times_between_from_within_a_clock_change_miss_no_slot() -> None:
    """A walk that begins in the night of the change finds what one from the day before does."""
    schedule = pinned(schedule={"cron": "30 * * * *", "timezone": "Europe/Berlin"}).schedule
    assert schedule is not None
    night = T0.replace(month=10, day=25, hour=0)
    whole = list(times_between(schedule, night - 24 * HOUR, night + 6 * HOUR))
    for quarter in range(24):
        begin = night + quarter * timedelta(minutes=15)
        found = list(times_between(schedule, begin, night + 6 * HOUR))
        assert found == [slot for slot in whole if slot >= begin]
