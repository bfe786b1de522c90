"""Gates: clock times and times after the slot, made into instants."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rota.pipelines.gates import Gate, format_gate, gate_time, parse_gate

GATE: TypeAdapter[Any] = TypeAdapter(Gate)


def utc(text: str) -> datetime:
    """`2026-11-23 05:15` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("gate", "slot", "zone", "instant"),
    [
        ("06:15", "2026-11-23 05:00", "Europe/Berlin", "2026-11-23 05:15"),
        ("06:15", "2026-07-23 04:00", "Europe/Berlin", "2026-07-23 04:15"),
        ("06:00", "2026-11-23 05:00", "Europe/Berlin", "2026-11-23 05:00"),
        ("05:59", "2026-11-23 05:00", "Europe/Berlin", "2026-11-24 04:59"),
        ("06:15", "2026-11-22 22:00", "Europe/Berlin", "2026-11-23 05:15"),
        ("06:15", "2026-11-23 05:00", "UTC", "2026-11-23 06:15"),
        (timedelta(hours=2), "2026-11-23 05:00", "Europe/Berlin", "2026-11-23 07:00"),
        (timedelta(0), "2026-11-23 05:00", "UTC", "2026-11-23 05:00"),
        # 28 March 2027, Berlin: 02:00 becomes 03:00 at 01:00 UTC, so 02:30 is left out.
        ("02:30", "2027-03-27 23:00", "Europe/Berlin", "2027-03-28 01:00"),
        ("03:00", "2027-03-27 23:00", "Europe/Berlin", "2027-03-28 01:00"),
        ("02:30", "2027-03-28 01:00", "Europe/Berlin", "2027-03-28 01:00"),
        ("02:30", "2027-03-28 01:01", "Europe/Berlin", "2027-03-29 00:30"),
        ("03:30", "2027-03-27 23:00", "Europe/Berlin", "2027-03-28 01:30"),
        # 31 October 2027, Berlin: 03:00 becomes 02:00 at 01:00 UTC, so 02:30 comes twice.
        ("02:30", "2027-10-30 22:00", "Europe/Berlin", "2027-10-31 00:30"),
        ("02:30", "2027-10-31 00:31", "Europe/Berlin", "2027-10-31 01:30"),
        ("02:30", "2027-10-31 01:31", "Europe/Berlin", "2027-11-01 01:30"),
        # Half an hour left out: Lord Howe, 3 October 2027, 02:00 becomes 02:30.
        ("02:15", "2027-10-02 12:00", "Australia/Lord_Howe", "2027-10-02 15:30"),
        # A whole day left out: Samoa had no 30 December 2011, so that is the change.
        ("06:15", "2011-12-30 09:00", "Pacific/Apia", "2011-12-30 10:00"),
    ],
)
def test_gate_is_the_first_such_time_at_or_after_the_slot(
    gate: str | timedelta, slot: str, zone: str, instant: str
) -> None:
    """In the schedule's zone, through every kind of clock change."""
    assert gate_time(gate, utc(slot), zone) == utc(instant)


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 24 * 60 - 1),
    ZONES,
)
def test_gate_comes_within_a_day_and_shows_its_time_or_the_change_that_left_it_out(
    slot: datetime, minute: int, zone: str
) -> None:
    """Never before the slot; no earlier moment would have done."""
    clock = f"{minute // 60:02}:{minute % 60:02}"
    instant = gate_time(clock, slot, zone)
    assert slot <= instant <= slot + timedelta(hours=25)
    local = instant.astimezone(ZoneInfo(zone))
    shown = local.strftime("%H:%M")
    before = (instant - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    assert shown == clock or before.utcoffset() != local.utcoffset()
    if shown == clock:
        assert (local.second, local.microsecond) == (0, 0)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_gate_in_an_unknown_zone_is_refused(zone: str) -> None:
    """The message names it."""
    with pytest.raises(ValueError, match="is not a time zone"):
        gate_time("06:15", utc("2026-11-23 05:00"), zone)


@pytest.mark.parametrize("text", ["06:15", "00:00", "23:59", "2h", "1h30m", "0s", "90s"])
def test_gate_reads_and_prints_both_forms(text: str) -> None:
    """What is printed reads back as the same gate."""
    gate = GATE.validate_python(text)
    assert GATE.validate_python(format_gate(gate)) == gate
    assert GATE.dump_python(gate, mode="json") == format_gate(gate)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (375, 'quote a clock time, for example "06:15"'),
        ("6:15", "write a local clock time"),
        ("24:00", "write a local clock time"),
        ("06:60", "write a local clock time"),
        ("06:15\n", "write a local clock time"),
        ("soon", "write a local clock time"),
        (True, "write a local clock time"),
        (None, "write a local clock time"),
    ],
)
def test_gate_that_is_neither_form_is_refused(value: Any, says: str) -> None:
    """The message shows both forms."""
    with pytest.raises(ValidationError) as caught:
        GATE.validate_python(value)
    assert says in str(caught.value)
    with pytest.raises(ValueError, match="is not a time"):
        parse_gate(value)
