"""When a time is over that counts only while people are there."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rota.approvals.business_hours import BusinessHours, due, open_times

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"from": "09:00", "to": "17:00", "timezone": "Europe/Berlin"}
NIGHT = {"days": "mon-sun", "from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"}
EARLY = {"days": "mon-sun", "from": "01:00", "to": "05:00", "timezone": "Europe/Berlin"}


def berlin(text: str, fold: int = 0) -> datetime:
    """A reading of Berlin's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def hours(**fields: Any) -> BusinessHours:
    """Business hours as YAML gives them."""
    return BusinessHours.model_validate(fields)


@pytest.mark.parametrize(
    ("declared", "start", "patience", "over"),
    [
        # Within one day, and on its last minute.
        (OFFICE, "2026-11-23T10:00", 2, "2026-11-23T12:00"),
        (OFFICE, "2026-11-23T10:00", 7, "2026-11-23T17:00"),
        # Before it opens, after it has closed, over night, over the weekend.
        (OFFICE, "2026-11-23T03:00", 1, "2026-11-23T10:00"),
        (OFFICE, "2026-11-23T18:00", 1, "2026-11-24T10:00"),
        (OFFICE, "2026-11-23T16:00", 4, "2026-11-24T12:00"),
        (OFFICE, "2026-11-20T16:00", 4, "2026-11-23T12:00"),
        (OFFICE, "2026-11-21T12:00", 4, "2026-11-23T13:00"),
        # Days of one's own.
        ({**OFFICE, "days": ["wed"]}, "2026-11-25T16:00", 4, "2026-12-02T12:00"),
        # Office nights, asked in the part after midnight, and around the day's end.
        (NIGHT, "2026-11-24T02:00", 4, "2026-11-24T06:00"),
        (NIGHT, "2026-11-24T05:00", 2, "2026-11-24T23:00"),
        ({**OFFICE, "to": "24:00"}, "2026-11-23T23:00", 2, "2026-11-24T10:00"),
        # A night of five hours' clock is three hours long in spring, five in autumn.
        (EARLY, "2027-03-28T00:00", 3, "2027-03-28T05:00"),
        (EARLY, "2027-03-28T00:00", 4, "2027-03-29T02:00"),
        (EARLY, "2026-10-25T00:00", 5, "2026-10-25T05:00"),
        # Opens at a time that the change leaves out: at the change.
        ({**EARLY, "from": "02:30"}, "2027-03-28T00:00", 1, "2027-03-28T04:00"),
    ],
)
def test_due_counts_open_time_alone(
    declared: dict[str, Any], start: str, patience: float, over: str
) -> None:
    """Hours of an office in Berlin, ordinary days and clock changes."""
    found = due(berlin(start), timedelta(hours=patience), hours(**declared))
    assert found == berlin(over).astimezone(UTC)


def test_due_without_hours_counts_all_time() -> None:
    """A day is 24 hours."""
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert due(start, timedelta(days=1), None) == start + timedelta(days=1)


def test_due_of_another_zone_is_at_its_own_hours() -> None:
    """Nine in Auckland is the evening before in Berlin."""
    office = hours(**{**OFFICE, "timezone": "Pacific/Auckland"})
    assert due(berlin("2026-11-22T20:00"), timedelta(hours=1), office) == berlin("2026-11-22T22:00")


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
    st.sampled_from([OFFICE, NIGHT, EARLY, {"timezone": "America/Sao_Paulo"}]),
)
def test_due_leaves_exactly_the_patience_open(
    start: datetime, patience: timedelta, declared: dict[str, Any]
) -> None:
    """Between asking and the end, it was open for just as long as was given."""
    office = hours(**declared)
    end = due(start, patience, office)
    open_for = timedelta(0)
    for opens, closes in open_times(office, start):
        if opens >= end:
            break
        open_for += min(closes, end) - opens
    assert open_for == patience


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"days": []}, "at least 1"),
        ({"days": "funday"}, "'mon', 'tue'"),
        ({"from": 540}, "quoted"),
        ({"from": "9:00"}, "local clock time"),
        ({"from": "10:00", "to": "10:00"}, "nobody would ever be there"),
        ({"from": "24:00"}, "00:00"),
        ({"timezone": "Mars/North"}, "not a time zone"),
    ],
)
def test_hours_that_are_none_are_refused_with_what_to_write(
    fields: dict[str, Any], said: str
) -> None:
    """Each mistake says how to mend it."""
    with pytest.raises(ValidationError, match=said):
        hours(**fields)


def test_days_are_read_as_ranges_and_lists() -> None:
    """`fri-mon` goes over the week's end."""
    assert [*hours(days="mon-fri").days] == ["mon", "tue", "wed", "thu", "fri"]
    assert [*hours(days=["fri-mon", "wed"]).days] == ["fri", "sat", "sun", "mon", "wed"]
    assert hours().weekly == timedelta(hours=40)
    assert hours(**NIGHT).weekly == timedelta(hours=56)
