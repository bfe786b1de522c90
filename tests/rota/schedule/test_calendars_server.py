"""Fire times against the real server: the two must agree to the second."""

import itertools
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import client as temporal
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.testing import WorkflowEnvironment

from rota.schedule.calendars import aware, excluded_calendars, iter_times, structured_calendars
from rota.schedule.cron import StructuredCalendar
from rota.schedule.spec import ScheduleSpec

CHANGES = {
    "Europe/Berlin": ("2027-03-28", "2027-10-31"),
    "Europe/London": ("2027-03-28", "2027-10-31"),
    "America/New_York": ("2027-03-14", "2027-11-07"),
    "America/Havana": ("2027-03-14", "2027-11-07"),
    "Australia/Lord_Howe": ("2027-10-03", "2027-04-04"),
    "Asia/Beirut": ("2027-03-28", "2027-10-31"),
}
"""Zone to the days its clocks go forward and back; Lord Howe's by half an hour, Havana's
and Beirut's at midnight."""

AROUND_CHANGES = [
    {"cron": "30 2 * * *"},
    {"cron": "30 1 * * *"},
    {"cron": "0,30 2 * * *"},
    {"cron": "15 0 * * *"},
    {"cron": "30 * * * *"},
    {"cron": ["*/20 1-3 * * *", "59 * * * *"]},
    {"cron": "0 9 * * SUN"},
    {"cron": "0 9 * * SAT", "every": "7h"},
]

SPECS: list[tuple[dict[str, Any], str, int]] = [
    ({"cron": "0 0 29 2 *"}, "2026-01-01", 4000),
    ({"cron": "0 0 29 2 MON"}, "2026-01-01", 20000),
    ({"cron": "0 0 13 * FRI", "timezone": "Asia/Tokyo"}, "2026-01-01", 1500),
    ({"cron": "0 12 1-7 * MON"}, "2026-01-01", 200),
    ({"cron": "*/7 */5 * * *"}, "2026-06-01", 3),
    ({"cron": "0 0 * * */2"}, "2026-06-01", 30),
    ({"cron": "0 0 */10 JAN-JUN/2 *"}, "2026-01-01", 400),
    ({"cron": "0 8 * * 5-7", "timezone": "Asia/Kathmandu"}, "2026-06-01", 30),
    ({"cron": "@hourly"}, "2026-06-01", 2),
    ({"cron": "@weekly", "timezone": "Pacific/Auckland"}, "2026-06-01", 60),
    ({"cron": "@yearly", "timezone": "America/Sao_Paulo"}, "2026-06-01", 1500),
    ({"cron": "0 0 31 2 *"}, "2026-06-01", 3000),
    ({"cron": "0 6 * * *", "exclude": ["2026-06-03", "2026-06-05"]}, "2026-06-01", 9),
    (
        {"cron": "0 */6 * * *", "timezone": "Europe/Berlin", "exclude": "2027-03-28"},
        "2027-03-27",
        3,
    ),
    (
        {"every": "1h", "timezone": "America/New_York", "exclude": ["2027-11-07", "2027-11-08"]},
        "2027-11-06",
        5,
    ),
    ({"every": "90m"}, "2026-06-01", 2),
    ({"every": ["7h", "25h"]}, "2026-06-01", 9),
    (
        {"every": "1h", "start": "2026-06-01T10:00:00Z", "end": "2026-06-01T20:00:00Z"},
        "2026-06-01",
        2,
    ),
    (
        {"cron": "0 10 * * *", "start": "2026-06-02T12:00:00+02:00", "end": "2026-06-05T10:00:01Z"},
        "2026-06-01",
        9,
    ),
    ({"cron": "0 * * * *", "start": "2026-06-01T10:00:00"}, "2026-06-01", 1),
    ({"calendar": {"second": "*/20", "minute": 5, "hour": "9-10"}}, "2026-06-01", 2),
    ({"calendar": {"year": "2028-2030/2", "month": 7, "day_of_month": 1}}, "2026-01-01", 2000),
    ({"cron": "0 0 1 1 *"}, "2098-01-01", 1500),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[temporal.Client]:
    """A dev server of this module alone, in memory."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=shutil.which("temporal"), ui=False
    )
    async with environment:
        yield environment.client


_ids = itertools.count()


async def _server_times(
    client: temporal.Client, spec: ScheduleSpec, after: datetime, until: datetime
) -> list[datetime]:
    handle = await client.create_schedule(
        f"calendar-{next(_ids)}",
        temporal.Schedule(
            action=temporal.ScheduleActionStartWorkflow("Never", id="never", task_queue="none"),
            spec=temporal.ScheduleSpec(
                calendars=[_calendar(c) for c in structured_calendars(spec)],
                intervals=[temporal.ScheduleIntervalSpec(every=every) for every in spec.every],
                skip=[_calendar(c) for c in excluded_calendars(spec)],
                start_at=aware(spec.start) if spec.start else None,
                end_at=aware(spec.end) if spec.end else None,
                time_zone_name=spec.timezone,
            ),
            state=temporal.ScheduleState(paused=True),
        ),
    )
    request = ListScheduleMatchingTimesRequest(namespace="default", schedule_id=handle.id)
    request.start_time.CopyFrom(_timestamp(after))
    request.end_time.CopyFrom(_timestamp(until))
    response = await client.workflow_service.list_schedule_matching_times(request)
    await handle.delete()
    return [time.ToDatetime(UTC) for time in response.start_time]


def _calendar(calendar: StructuredCalendar) -> temporal.ScheduleCalendarSpec:
    fields = {
        name: [temporal.ScheduleRange(r.start, r.end, r.step) for r in getattr(calendar, name)]
        for name in StructuredCalendar.model_fields
        if name != "comment"
    }
    return temporal.ScheduleCalendarSpec(**fields, comment=calendar.comment)


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC).replace(tzinfo=None))
    return stamp


async def _compare(client: temporal.Client, spec: ScheduleSpec, after: datetime, days: int) -> None:
    until = after + timedelta(days=days)
    expected = await _server_times(client, spec, after, until)
    mine = list(itertools.takewhile(lambda slot: slot <= until, iter_times(spec, after)))
    assert mine == expected


@pytest.mark.parametrize(("fields", "first", "days"), SPECS)
async def test_iter_times_schedule_equals_server(
    server: temporal.Client, fields: dict[str, Any], first: str, days: int
) -> None:
    """Every kind of schedule fires here at exactly the server's times."""
    after = datetime.fromisoformat(first).replace(tzinfo=UTC)
    await _compare(server, ScheduleSpec.model_validate(fields), after, days)


@pytest.mark.parametrize("zone", CHANGES)
async def test_iter_times_clock_change_equals_server(server: temporal.Client, zone: str) -> None:
    """Around missing and repeated hours too, wherever the count begins."""
    for day, fields in itertools.product(CHANGES[zone], AROUND_CHANGES):
        spec = ScheduleSpec.model_validate({**fields, "timezone": zone})
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for hours in (-30, 0, 1):
            after = midnight + timedelta(hours=hours, minutes=20)
            await _compare(server, spec, after, 3)


async def test_structured_calendar_read_back_is_unchanged(server: temporal.Client) -> None:
    """The server returns ranges and comment as sent, so drift can be seen by comparing."""
    spec = ScheduleSpec(cron=("*/15 8-18 * * MON-FRI",))
    (sent,) = structured_calendars(spec)
    handle = await server.create_schedule(
        "read-back",
        temporal.Schedule(
            action=temporal.ScheduleActionStartWorkflow("Never", id="never", task_queue="none"),
            spec=temporal.ScheduleSpec(calendars=[_calendar(sent)]),
            state=temporal.ScheduleState(paused=True),
        ),
    )
    (live,) = (await handle.describe()).schedule.spec.calendars
    await handle.delete()
    read = {name: getattr(live, name) for name in StructuredCalendar.model_fields}
    want = {name: getattr(_calendar(sent), name) for name in StructuredCalendar.model_fields}
    assert {n: v if n == "comment" else list(v) for n, v in read.items()} == want
