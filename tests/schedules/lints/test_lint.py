"""Lint: what it remarks on, where, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from schedules.fleet import load_fleet
from schedules.lints.all_of_them import lint
from tests.schedules.fleet_folder import NOW
from tests.schedules.remarks_of import DAILY, remarks_of

CLEAN: list[dict[str, Any]] = [
    {},
    {"schedule": DAILY},
    {"schedule": {"every": "1h", "timezone": "Europe/Berlin"}},
    {"schedule": {"cron": "5 * * * *", "timezone": "Europe/Berlin", "jitter": "30s"}},
    {"schedule": {"cron": "0 0 29 2 *"}},
    {"schedule": {"cron": "*/5 * * * *", "overlap": "allow"}},
    {"schedule": {"cron": "*/5 * * * *"}, "budget": {"wall_clock": "5m"}},
    {"schedule": DAILY | {"catchup": {"policy": "all"}, "overlap": "queue_all"}},
    {"schedule": DAILY | {"start": "2026-12-01T00:00:00+01:00"}},
    {"emits": ["reconciliation.completed", "done", "a_b.c-d.e1"]},
    {"schedule": DAILY, "needs": [{"agent": "y", "not_before": "06:15", "deadline": "06:15"}]},
    {"needs": [{"agent": "y", "not_before": "06:30", "deadline": "06:15"}]},
]

REMARKS: list[tuple[str, dict[str, Any], tuple[str, str, str]]] = [
    (
        "zone that is none",
        {"schedule": DAILY | {"timezone": "Mars/Phobos"}},
        (
            "error",
            "schedule.timezone",
            "'Mars/Phobos' is not a time zone; write an IANA name such as Europe/Berlin",
        ),
    ),
    (
        "zone with a typing error",
        {"schedule": DAILY | {"timezone": "Europe/Berlim"}},
        ("error", "schedule.timezone", "did you mean Europe/Berlin"),
    ),
    (
        "31 February",
        {"schedule": {"cron": "0 0 31 2 *"}},
        (
            "error",
            "schedule.cron",
            "'0 0 31 2 *' never fires: no date from now on fits it",
        ),
    ),
    (
        "31 February among others",
        {"schedule": {"cron": ["0 0 1 * *", "0 0 31 2 *"]}},
        ("error", "schedule.cron.1", "'0 0 31 2 *' never fires"),
    ),
    (
        "calendar of a past year",
        {"schedule": {"calendar": {"year": 2020}}},
        ("error", "schedule.calendar", "never fires: no date from now on fits it"),
    ),
    (
        "ended",
        {"schedule": DAILY | {"end": "2026-01-01T00:00:00Z"}},
        (
            "error",
            "schedule.end",
            "the schedule ended on 2026-01-01T00:00:00+00:00; move it or remove schedule",
        ),
    ),
    (
        "all days excluded",
        {"schedule": DAILY | {"end": "2026-11-24T23:00:00Z", "exclude": ["2026-11-24"]}},
        ("error", "schedule", "never fires: start, end and exclude leave no slot"),
    ),
    (
        "start without offset",
        {"schedule": DAILY | {"start": "2026-12-01T00:00:00", "timezone": "Europe/Berlin"}},
        (
            "error",
            "schedule.start",
            "2026-12-01T00:00:00 has no offset and would mean UTC, whatever 'timezone' says; "
            "write 2026-12-01T00:00:00Z or for example 2026-12-01T00:00:00+01:00",
        ),
    ),
    (
        "missing hour",
        {"schedule": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}},
        (
            "warning",
            "schedule.cron",
            "the clocks of Europe/Berlin change: 02:30 is skipped on 2027-03-28; "
            "choose an hour outside 00:00-03:59, or timezone: UTC",
        ),
    ),
    (
        "repeated hour",
        {"schedule": {"cron": "30 1 * * *", "timezone": "America/New_York"}},
        ("warning", "schedule.cron", "01:30 comes once more on 2027-11-07"),
    ),
    (
        "interval shorter than a run",
        {"schedule": {"every": "5m"}},
        (
            "warning",
            "schedule.every",
            "slots come 5m apart, and a run may take 30m; slots that come meanwhile are "
            "skipped; lower budget.wall_clock, or choose overlap: queue_one",
        ),
    ),
    (
        "cron shorter than a run at times",
        {"schedule": {"cron": ["0 6 * * *", "20 6 * * *"]}},
        ("warning", "schedule.cron", "slots come 20m apart"),
    ),
    (
        "cron and interval too close together",
        {"schedule": {"cron": "10 6 * * *", "every": "1h"}},
        ("warning", "schedule", "slots come 10m apart"),
    ),
    (
        "day of month and day of week",
        {"schedule": {"cron": "0 0 13 * FRI"}},
        (
            "warning",
            "schedule.cron",
            "fires on days that fit day of month AND day of week; Vixie cron fires where either "
            "fits; if you mean either, write two expressions",
        ),
    ),
    (
        "catch-up that skip drops",
        {"schedule": DAILY | {"catchup": {"policy": "all"}}},
        ("warning", "schedule.catchup.policy", "add overlap: queue_all"),
    ),
    (
        "short catch-up window",
        {"schedule": DAILY | {"catchup": {"window": "5s"}}},
        (
            "warning",
            "schedule.catchup.window",
            "5s is shorter than the server allows; it uses 10s",
        ),
    ),
    (
        "long jitter",
        {"schedule": {"cron": "0 * * * *", "jitter": "2h"}},
        (
            "warning",
            "schedule.jitter",
            "2h is longer than the 1h between slots; the server cuts it to that",
        ),
    ),
    (
        "gates of a need the wrong way round",
        {"schedule": DAILY, "needs": [{"agent": "y", "not_before": "2h", "deadline": "1h"}]},
        ("error", "needs.0.deadline", "1h comes before not_before (2h)"),
    ),
    (
        "gate behind a deadline that nobody wrote",
        {"schedule": DAILY, "needs": [{"agent": "y", "not_before": "08:00"}]},
        (
            "warning",
            "needs.0.deadline",
            "1h comes before not_before (08:00) for the slot 2026-11-24 06:00",
        ),
    ),
]


@pytest.mark.parametrize("fields", CLEAN, ids=str)
def test_lint_spec_sound_declaration_passes_in_silence(fields: dict[str, Any]) -> None:
    """What is meant as it is written draws no remark."""
    assert remarks_of(**fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"), [c[1:] for c in REMARKS], ids=[c[0] for c in REMARKS]
)
def test_lint_spec_doubtful_declaration_draws_one_remark(
    fields: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """Each doubt is one remark with its level, its key and what to do."""
    ((level, key, message),) = remarks_of(**fields)
    assert (level, key) == expected[:2]
    assert expected[2] in message


def test_lint_spec_end_before_start_is_an_error() -> None:
    """Swapped bounds are named as such, beside the fact that nothing fires."""
    schedule = DAILY | {"start": "2027-02-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}
    assert ("error", "schedule.end", "lies before start; swap or mend them") in remarks_of(
        schedule=schedule
    )


def test_lint_fleet_finding_has_file_line_and_level(tmp_path: Path) -> None:
    """A finding prints on one line, with the place in the file."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/x.yaml").write_text(
        "name: x\nruntime: {kind: anthropic, model: m}\n"
        'schedule:\n  timezone: UTC\n  cron:\n    - "@daily"\n    - "0 0 31 2 *"\n'
    )
    (finding,) = lint(load_fleet(tmp_path), NOW)
    assert str(finding) == (
        "agents/x.yaml:7: error: schedule.cron[1]: "
        "'0 0 31 2 *' never fires: no date from now on fits it"
    )
