"""Cron text and calendar fields: what they mean, and what is said of bad ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.schedule.cron import (
    COMMENT_LIMIT,
    CronError,
    Range,
    parse_calendar,
    parse_cron,
    parse_field,
)
from rota.schedule.spec import Calendar

FIELDS = [
    ("minute", "*", list(range(60))),
    ("minute", "*/15", [0, 15, 30, 45]),
    ("minute", "5", [5]),
    ("minute", "5/20", [5, 25, 45]),
    ("minute", "1-5", [1, 2, 3, 4, 5]),
    ("minute", "1-5/2, 30", [1, 3, 5, 30]),
    ("hour", "6,18", [6, 18]),
    ("day_of_month", "31", [31]),
    ("month", "JAN-MAR,dec", [1, 2, 3, 12]),
    ("day_of_week", "*", [0, 1, 2, 3, 4, 5, 6]),
    ("day_of_week", "*/2", [0, 2, 4, 6]),
    ("day_of_week", "1/2", [1, 3, 5]),
    ("day_of_week", "7", [0]),
    ("day_of_week", "5-7", [0, 5, 6]),
    ("day_of_week", "FRI-SUN", [0, 5, 6]),
    ("day_of_week", "sun-tue", [0, 1, 2]),
    ("year", "2027-2031/2", [2027, 2029, 2031]),
]

_FIVE = "(minute hour day-of-month month day-of-week)"
REFUSED = [
    (
        "banana",
        f"cron 'banana': expected five fields {_FIVE}, found 1; "
        "write for example '5 * * * *' or @daily",
    ),
    (
        "",
        f"cron '': expected five fields {_FIVE}, found 0; write for example '5 * * * *' or @daily",
    ),
    (
        "0 5 * * * *",
        "cron '0 5 * * * *': 6 fields mean seconds to one scheduler and years to another; "
        f"use five {_FIVE}, or 'calendar' with second and year",
    ),
    ("CRON_TZ=UTC 0 5 * * *", "the time zone goes in 'timezone', beside 'cron'"),
    ("@every 90m", "cron '@every 90m': write every: 90m"),
    ("@reboot", "cron '@reboot': no such shortcut; known are @hourly, @daily,"),
    ("61 * * * *", "cron '61 * * * *': minute '61': outside 0-59"),
    ("0 24 * * *", "cron '0 24 * * *': hour '24': outside 0-23"),
    ("0 0 0 * *", "day_of_month '0': outside 1-31"),
    ("0 0 * 13 *", "month '13': outside 1-12 or JAN-DEC"),
    ("0 0 * * 8", "day_of_week '8': outside 0-7 or SUN-SAT"),
    ("0 0 * * SOL", "day_of_week 'SOL': not understood; write *, 0-7 or SUN-SAT, a range a-b"),
    ("0 22-2 * * *", "hour '22-2': runs backwards; write 22-23,0-2"),
    ("0 0 * * FRI-MON", "day_of_week 'FRI-MON': runs backwards; write FRI-6,0-MON"),
    ("*/90 * * * *", "minute '*/90': the step must be 1-59; for a longer interval use 'every'"),
    ("*/0 * * * *", "minute '*/0': the step must be 1-59"),
    ("1,,2 * * * *", "minute '': not understood; write *, 0-59, a range a-b"),
    ("0 0 L * *", "day_of_month 'L': L, W and # are not supported"),
    ("0 0 * * 5#2", "day_of_week '5#2': L, W and # are not supported"),
    ("0 0 ? * *", "day_of_month '?': write * for any"),
    ("*-5 * * * *", "minute '*-5': '*' is the whole range already"),
    ("-5 * * * *", "minute '-5': not understood"),
    ("٣ * * * *", "minute '٣': not understood"),
]


@pytest.mark.parametrize(("name", "text", "expected"), FIELDS)
def test_parse_field_form_gives_numbers(name: str, text: str, expected: list[int]) -> None:
    """Each form of a field means exactly these numbers."""
    values = {value for item in parse_field(name, text) for value in item.values}
    assert sorted(values) == expected


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_parse_cron_bad_text_says_where_and_how_to_mend(text: str, message: str) -> None:
    """A bad expression is refused in one line with field, value and a cure."""
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("cron '")
    assert "\n" not in str(caught.value)


def test_parse_cron_five_fields_keeps_text_as_comment() -> None:
    """The ranges carry their source, seconds are zero and the year is open."""
    calendar = parse_cron("5  8-18 *  * MON-FRI")
    assert calendar.comment == "5 8-18 * * MON-FRI"
    assert calendar.second == (Range(start=0, end=0),)
    assert calendar.hour == (Range(start=8, end=18),)
    assert calendar.day_of_week == (Range(start=1, end=5),)
    assert calendar.year == ()


@pytest.mark.parametrize(
    ("shortcut", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
    ],
)
def test_parse_cron_shortcut_equals_expression(shortcut: str, expression: str) -> None:
    """A shortcut is its expression, but for the comment."""
    expected = parse_cron(expression).model_copy(update={"comment": shortcut})
    assert parse_cron(shortcut) == expected


def test_parse_calendar_fields_left_out_have_defaults() -> None:
    """A calendar block fires at midnight on the days it names."""
    calendar = parse_calendar({"day_of_month": "1", "second": "30"})
    assert calendar.second == (Range(start=30, end=30),)
    assert calendar.hour == (Range(start=0, end=0),)
    assert calendar.month == (Range(start=1, end=12),)
    assert calendar.comment == "calendar day_of_month=1 second=30"


def test_calendar_model_takes_bare_numbers() -> None:
    """YAML's `hour: 8` needs no quotes."""
    assert Calendar.model_validate({"hour": 8}).hour == "8"


def test_parse_cron_long_text_comment_fits_the_server() -> None:
    """The comment never outgrows the server's limit."""
    text = (
        ",".join(str(m) for m in range(60)) + " " + ",".join(str(h) for h in range(24)) + " * * *"
    )
    assert len(parse_cron(text).comment) == COMMENT_LIMIT


@given(st.text(max_size=40))
def test_parse_cron_any_text_parses_or_explains(text: str) -> None:
    """No text whatsoever raises anything but CronError."""
    try:
        parse_cron(text)
    except CronError as error:
        assert str(error).startswith("cron '")  # noqa: PT017 - either outcome is right
