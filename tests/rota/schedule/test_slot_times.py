"""Looking back along a schedule finds what walking forward along it finds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rota.schedule.slot_times import previous_time, times_between
from rota.schedule.spec import ScheduleSpec

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)

SCHEDULES = (
    {"cron": "0 6 * * *", "timezone": "Europe/Berlin"},
    {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
    {"cron": "30 1 * * *", "timezone": "America/New_York"},
    {"cron": "*/20 * * * *", "timezone": "Europe/Berlin", "exclude": ["2026-10-24"]},
    {"every": ["7h", "45m"]},
    {"cron": "0 12 * * 1", "timezone": "Pacific/Auckland"},
)


def spec(**schedule: object) -> ScheduleSpec:
    """A schedule as declared."""
    return ScheduleSpec.model_validate(schedule)


@pytest.mark.parametrize(
    ("schedule", "within", "expected"),
    [
        ({"cron": "0 6 * * *"}, DAY, T0),
        ({"cron": "1 6 * * *"}, DAY, T0 - DAY + timedelta(minutes=1)),
        ({"cron": "0 6 * * *"}, timedelta(0), T0),
        ({"cron": "59 5 * * *"}, timedelta(seconds=59), None),
        ({"cron": "0 6 1 1 *"}, 400 * DAY, datetime(2026, 1, 1, 6, tzinfo=UTC)),
        ({"cron": "0 6 29 2 *"}, 3000 * DAY, datetime(2024, 2, 29, 6, tzinfo=UTC)),
        ({"every": "1s"}, 30 * DAY, T0),
        ({"every": "1h", "end": "2026-11-20T03:30:00"}, 30 * DAY, T0 - 2 * DAY - 3 * DAY / 24),
        ({"every": "1h", "start": "2026-11-23T00:00:00"}, 30 * DAY, None),
        ({"every": "1h", "exclude": ["2026-11-22"]}, DAY, T0 - 7 * DAY / 24),
        ({"cron": "0 0 31 2 *"}, 30 * DAY, None),
    ],
)
def test_previous_time_is_the_newest_slot_in_the_window(
    schedule: dict[str, object], within: timedelta, expected: datetime | None
) -> None:
    """A slot counts at its very second and at the very edge of the window, not beyond."""
    assert previous_time(spec(**schedule), T0, T0 - within) == expected


@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from((datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC), T0)),
    st.integers(-2 * 86_400, 2 * 86_400),
    st.integers(0, 4 * 86_400),
)
@example(SCHEDULES[1], datetime(2026, 10, 25, tzinfo=UTC), 3 * 3600, 86_400)
def test_looking_back_equals_walking_forward(
    schedule: dict[str, object], around: datetime, offset: int, within: int
) -> None:
    """For every moment, clock changes included, both ways know the same newest slot."""
    declared, at = spec(**schedule), around + timedelta(seconds=offset)
    since = at - timedelta(seconds=within)
    walked = times_between(declared, around - 20 * DAY, at)
    slots = [slot for slot in walked if slot >= since]
    assert previous_time(declared, at, since) == (slots[-1] if slots else None)


@pytest.mark.parametrize(
    ("cron", "timezone", "at", "minutes", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:30", 0, "2026-10-25T01:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:30", 30, "2026-10-25T01:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:30", 60, "2026-10-25T01:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:30", 59, None),
        ("30 1 * * *", "Europe/Berlin", "2026-10-25T00:30", 0, "2026-10-25T00:30"),
        ("30 2 * * *", "Pacific/Auckland", "2026-04-04T14:30", 0, "2026-04-04T14:30"),
        ("*/20 * * * *", "Australia/Lord_Howe", "2026-04-04T15:43", 30, "2026-04-04T15:30"),
    ],
)
def test_window_at_a_clock_change_has_the_slots_of_a_walk_that_began_before_it(
    cron: str, timezone: str, at: str, minutes: int, expected: str | None
) -> None:
    """No slot is missed, and none is found that only a walk from within would come to."""
    until = datetime.fromisoformat(at).replace(tzinfo=UTC)
    newest = datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None
    declared = spec(cron=cron, timezone=timezone)
    assert previous_time(declared, until, until - timedelta(minutes=minutes)) == newest


def test_fraction_of_a_second_moves_no_edge() -> None:
    """A window that begins just after a slot lacks it; one that ends just after has it."""
    hourly, tick = spec(every="1h"), timedelta(microseconds=1)
    assert previous_time(hourly, T0 + tick, T0) == T0
    assert previous_time(hourly, T0 + DAY / 48, T0 + tick) is None
    assert previous_time(hourly, T0 - tick, T0 - DAY / 24) == T0 - DAY / 24


def test_times_between_includes_both_ends() -> None:
    """A backfill from one slot to another runs both."""
    hours = [T0 + timedelta(hours=number) for number in range(4)]
    assert list(times_between(spec(every="1h"), hours[0], hours[-1])) == hours
