"""Fire times: a table of schedules, and agreement with matching minute by minute."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.schedule.calendars import excluded_calendars, never_fires, next_times, zone_of
from rota.schedule.spec import ScheduleSpec

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _spec(**fields: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate(fields)


NEXT: list[tuple[dict[str, Any], list[str]]] = [
    ({"cron": "5 * * * *"}, ["2026-11-23T12:05", "2026-11-23T13:05"]),
    ({"cron": "0 12 * * *"}, ["2026-11-24T12:00", "2026-11-25T12:00"]),
    (
        {"cron": "0 6 * * MON-FRI", "timezone": "Europe/Berlin"},
        ["2026-11-24T05:00", "2026-11-25T05:00"],
    ),
    ({"cron": ["0 6 * * *", "0 18 * * *"]}, ["2026-11-23T18:00", "2026-11-24T06:00"]),
    ({"cron": ["0 6 * * *", "0 6 * * TUE"]}, ["2026-11-24T06:00", "2026-11-25T06:00"]),
    ({"cron": "0 0 29 2 *"}, ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ({"cron": "0 0 13 * FRI"}, ["2027-08-13T00:00", "2028-10-13T00:00"]),
    ({"every": "90m"}, ["2026-11-23T13:30", "2026-11-23T15:00"]),
    (
        {"every": "1h", "cron": "30 12 * * *"},
        ["2026-11-23T12:30", "2026-11-23T13:00"],
    ),
    ({"cron": "0 9 * * *", "exclude": ["2026-11-24"]}, ["2026-11-25T09:00", "2026-11-26T09:00"]),
    (
        {"cron": "0 9 * * *", "start": "2027-01-01T09:00:00Z"},
        ["2027-01-01T09:00", "2027-01-02T09:00"],
    ),
    ({"cron": "0 9 * * *", "end": "2026-11-24T09:00:00Z"}, ["2026-11-24T09:00"]),
    ({"calendar": {"year": 2030}}, ["2030-01-01T00:00", "2030-01-02T00:00"]),
    (
        {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "start": "2027-03-27T00:00:00Z"},
        ["2027-03-27T01:30", "2027-03-29T00:30"],
    ),
]

NEVER: list[tuple[dict[str, Any], bool]] = [
    ({"cron": "0 0 31 2 *"}, True),
    ({"cron": "0 0 31 2,4 *"}, True),
    ({"cron": "0 0 29 2 *"}, False),
    ({"cron": "0 0 30 4 MON", "timezone": "Asia/Tokyo"}, False),
    ({"every": "1h", "end": "2020-01-01T00:00:00Z"}, True),
    ({"every": "1h", "end": "2026-11-23T13:00:00Z"}, False),
    ({"calendar": {"year": 2025}}, True),
    ({"calendar": {"year": 2030, "month": 1, "day_of_month": 1}, "exclude": "2030-01-01"}, True),
    (
        {
            "calendar": {"year": 2027, "month": 3, "day_of_month": 28, "hour": 2, "minute": 30},
            "timezone": "Europe/Berlin",
        },
        True,
    ),
    ({"every": "1m", "end": "2026-11-23T23:59:00Z", "exclude": "2026-11-23"}, True),
]


@pytest.mark.parametrize(("fields", "expected"), NEXT)
def test_next_times_schedule_gives_slots(fields: dict[str, Any], expected: list[str]) -> None:
    """Each schedule's next two slots are these, in UTC."""
    slots = next_times(_spec(**fields), NOW, 2)
    assert [slot.strftime("%Y-%m-%dT%H:%M") for slot in slots] == expected
    assert all(slot.tzinfo is UTC for slot in slots)


@pytest.mark.parametrize(("fields", "expected"), NEVER)
def test_never_fires_schedule_is_decided(fields: dict[str, Any], expected: bool) -> None:
    """A schedule without a future is told from one that is merely rare."""
    assert never_fires(_spec(**fields), NOW) is expected


def test_never_fires_all_days_excluded_is_quick() -> None:
    """Excluded days are stepped over, not walked through second by second."""
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    every_minute = {"year": 2027, "hour": "*", "minute": "*"}
    spec = _spec(calendar=every_minute, exclude=days, timezone="Europe/Berlin")
    started = datetime.now(UTC)
    assert never_fires(spec, NOW)
    assert datetime.now(UTC) - started < timedelta(seconds=3)


def test_excluded_calendars_cover_the_whole_day() -> None:
    """An excluded day is excluded to its last second, not only at midnight."""
    (calendar,) = excluded_calendars(_spec(cron="@daily", exclude="2026-12-25"))
    for name, count in (("hour", 24), ("minute", 60), ("second", 60), ("day_of_week", 7)):
        assert [len(item.values) for item in getattr(calendar, name)] == [count]
    assert calendar.comment == "exclude 2026-12-25"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Mars/Phobos", "write an IANA name such as Europe/Berlin"),
        ("europe/berlin2", "did you mean Europe/Berlin"),
        ("", "write an IANA name"),
        ("../etc/passwd", "write an IANA name"),
    ],
)
def test_zone_of_unknown_name_offers_close_ones(name: str, hint: str) -> None:
    """A zone that does not exist is refused with what to write."""
    with pytest.raises(ValueError, match="is not a time zone") as caught:
        zone_of(name)
    assert hint in str(caught.value)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(span | st.just("*"), st.integers(1, high - low)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    part = number.map(str) | span | stepped
    return st.just("*") | st.lists(part, min_size=1, max_size=3).map(",".join)


CRON = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 6))


def _matches(text: str, value: int, high: int) -> bool:
    """Cron's rules, written a second time and the slow way."""
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = 0 if first == "*" else int(first)
        end = high if first == "*" else int(last or first)
        origin = start if first != "*" else (1 if high in (31, 12) else 0)
        if start <= value <= end and (value - origin) % int(step or 1) == 0:
            return True
    return False


@given(
    fields=CRON,
    zone=st.sampled_from(["UTC", "Asia/Kathmandu", "Asia/Tokyo", "America/Phoenix"]),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    ),
)
def test_next_times_cron_agrees_with_trying_each_minute(
    fields: tuple[str, ...], zone: str, after: datetime
) -> None:
    """In zones without clock changes the slots are the minutes whose fields all match."""
    window = timedelta(days=2)
    spec = _spec(cron=" ".join(fields), timezone=zone)
    minute = after.replace(second=0, microsecond=0)
    expected: list[datetime] = []
    while (minute := minute + timedelta(minutes=1)) <= after + window:
        at = minute.astimezone(ZoneInfo(zone))
        values = (at.minute, at.hour, at.day, at.month, at.isoweekday() % 7)
        checks = zip(fields, values, (59, 23, 31, 12, 6), strict=True)
        if all(_matches(*check) for check in checks):
            expected.append(minute)
    slots = next_times(spec, after, len(expected) + 1)
    assert [slot for slot in slots if slot <= after + window] == expected
