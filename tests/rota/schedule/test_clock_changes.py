"""Clock changes: exactly the days and times on which a schedule is affected."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.schedule.clock_changes import clock_effects
from rota.schedule.spec import ScheduleSpec

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"

EFFECTS: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    ({"cron": "30 2 * * *", "timezone": BERLIN}, [("2027-03-28", "02:30", "")]),
    ({"cron": "30 1 * * *", "timezone": BERLIN}, [("2027-10-31", "", "02:30")]),
    ({"cron": "30 3 * * *", "timezone": BERLIN}, []),
    ({"cron": "30 2 * * MON-FRI", "timezone": BERLIN}, []),
    ({"cron": "30 2 * * *", "timezone": BERLIN, "exclude": "2027-03-28"}, []),
    ({"cron": "30 2 * * *"}, []),
    ({"cron": "30 2 * * *", "timezone": "Asia/Tokyo"}, []),
    ({"cron": "5 * * * *", "timezone": BERLIN}, []),
    ({"every": "1h", "timezone": BERLIN}, []),
    (
        {"cron": ["30 1 * * *", "30 2 * * *"], "timezone": "America/New_York"},
        [("2027-03-14", "02:30", ""), ("2027-11-07", "", "01:30")],
    ),
    (
        {"calendar": {"hour": 2, "minute": "0,30"}, "timezone": BERLIN},
        # In October the server fires at the second 02:00 and then an hour late, at 03:30.
        [("2027-03-28", "02:00 02:30", ""), ("2027-10-31", "02:30", "03:30")],
    ),
    ({"cron": "15 0 * * *", "timezone": "Asia/Beirut"}, [("2027-03-28", "00:15", "")]),
]


@pytest.mark.parametrize(("fields", "expected"), EFFECTS)
def test_clock_effects_schedule_lists_affected_days(
    fields: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    """A schedule is reported on just the days on which its slots differ from its times."""
    effects = clock_effects(ScheduleSpec.model_validate(fields), NOW)
    found = [(str(e.day), " ".join(e.skipped), " ".join(e.extra)) for e in effects]
    assert found == expected
