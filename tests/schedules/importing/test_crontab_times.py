"""A crontab's lines fire when cron would, by a reading of its own of what cron does."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rota.schedule.cron import Range, parse_cron
from schedules.importing.crontab import read_crontab

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""As cronie has them: Sunday is 0 and 7."""


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    """A field of a crontab: stars, numbers and ranges, with any step where cron takes one."""

    def part() -> str:
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.sampled_from(["", "", f"/{draw(st.integers(1, high + 90))}"]))
        return draw(st.sampled_from([f"*{step}", str(first), f"{first}-{last}{step}"]))

    return ",".join(part() for _ in range(draw(st.integers(1, 3))))


def set_by_cron(field: str, low: int, high: int) -> set[int]:
    """The bits that cron sets."""
    found: set[int] = set()
    for part in field.split(","):
        body, _, step = part.partition("/")
        first, _, last = body.partition("-")
        start = low if body == "*" else int(first)
        end = high if body == "*" else int(last or first)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def set_by_rota(ranges: tuple[Range, ...]) -> set[int]:
    """The numbers that Rota takes them for."""
    return {number for each in ranges for number in each.values}


@given(st.tuples(*(fields(*each) for each in RANGES)))
def test_line_fires_on_the_days_and_at_the_times_of_cron(given_fields: tuple[str, ...]) -> None:
    """Each day of four years: either kind of day, or both if one begins with a star."""
    jobs, unread = read_crontab(f"{' '.join(given_fields)} job\n", system=False)
    assert not unread
    minute, hour, day, month, weekday = map(set_by_cron, given_fields, *zip(*RANGES, strict=True))
    calendars = [parse_cron(expression) for expression in jobs[0].cron]
    both = any(given_fields[index].startswith("*") for index in (2, 4))
    for calendar in calendars:
        assert set_by_rota(calendar.minute) == minute
        assert set_by_rota(calendar.hour) == hour
    for number in range(4 * 366):
        today = date(2026, 1, 1) + timedelta(days=number)
        matches = (today.day in day, bool({today.isoweekday(), today.isoweekday() % 7} & weekday))
        by_cron = today.month in month and (all(matches) if both else any(matches))
        by_rota = any(
            today.month in set_by_rota(each.month)
            and today.day in set_by_rota(each.day_of_month)
            and today.isoweekday() % 7 in set_by_rota(each.day_of_week)
            for each in calendars
        )
        assert by_rota == by_cron, today
