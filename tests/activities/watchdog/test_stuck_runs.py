"""Which runs a check looks into, and how long their steps may take."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.watchdog.progress import is_at_work, with_progress
from activities.watchdog.stuck_runs import MOST_LOOKED_INTO, in_turn
from rota.watchdog.open_run import OpenRun
from rota.watchdog.run_rules import stuck
from tests.rota.keepers.desks import pinned

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
BEGAN = NOW - timedelta(hours=1)
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
QUEUE = "gpus"


def run(name: str = "report-1") -> OpenRun:
    """One that has been at work for an hour."""
    return OpenRun(id=name, key=name, agent="report", status="running", began=BEGAN)


async def step(
    name: str,
    *,
    attempt: int = 1,
    state: Any = STARTED,
    heard: int = 0,
    failures: int = 0,
    silence: int = 0,
    limit: timedelta = timedelta(hours=2),
) -> PendingActivityInfo:
    """A step under way for an hour, of which something was heard so many minutes ago.

    It may be silent for as many before its worker is taken for dead.
    """
    pending = PendingActivityInfo(attempt=attempt, state=state)
    pending.activity_type.name = name
    pending.last_started_time.FromDatetime(BEGAN)
    pending.last_heartbeat_time.FromDatetime(datetime.now(UTC) - heard * MINUTE)
    details = await DataConverter.default.encode(["cursor", "reading", failures])
    pending.heartbeat_details.payloads.extend(details)
    pending.activity_options.start_to_close_timeout.FromTimedelta(limit)
    pending.activity_options.heartbeat_timeout.FromTimedelta(silence * MINUTE)
    pending.activity_options.task_queue.name = QUEUE
    return pending


def client(*steps: PendingActivityInfo) -> Client:
    """A server that knows one run, in which nothing has happened since it began."""

    async def describe() -> Any:
        raw = SimpleNamespace(pending_activities=steps, pending_children=[])
        return SimpleNamespace(raw_description=raw)

    async def history(_: Any, **__: Any) -> Any:
        when = SimpleNamespace(ToDatetime=lambda **_: BEGAN)
        return SimpleNamespace(history=SimpleNamespace(events=[SimpleNamespace(event_time=when)]))

    service = SimpleNamespace(get_workflow_execution_history_reverse=history)
    handle = SimpleNamespace(describe=describe)
    fake = SimpleNamespace(
        namespace="default",
        workflow_service=service,
        data_converter=DataConverter.default,
        get_workflow_handle=lambda *_, **__: handle,
    )
    return cast("Client", fake)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "declared", "is_stuck"),
    [
        pytest.param({"name": "observe_session"}, None, False, id="a session is watched"),
        pytest.param({"name": "observe_session"}, "20m", False, id="also by what is declared"),
        pytest.param({"name": "observe_session", "heard": 30}, "20m", True, id="unheard of"),
        pytest.param(
            {"name": "observe_session", "heard": 8, "silence": 10}, "5m", False, id="beats seldom"
        ),
        pytest.param({"name": "observe_session", "failures": 3}, "20m", True, id="fails"),
        pytest.param(
            {"name": "observe_session", "state": SCHEDULED}, None, True, id="nobody watches it"
        ),
        pytest.param({"name": "run_tool"}, None, False, id="a tool within its own time"),
        pytest.param({"name": "run_tool"}, "20m", True, id="somebody has said how long"),
        pytest.param({"name": "run_tool", "attempt": 2}, None, True, id="tried again"),
        pytest.param({"name": "run_tool", "limit": 50 * MINUTE}, None, True, id="beyond its time"),
        pytest.param({"name": "run_tool", "state": SCHEDULED}, None, True, id="waits for a worker"),
    ],
)
async def test_run_is_not_stuck_while_its_step_works_as_it_may(
    said: dict[str, Any], declared: str | None, is_stuck: bool
) -> None:
    """A step makes no event until it ends: a long session, or a long tool, is no hang."""
    looked = await with_progress(client(await step(**said)), run())
    sla = {"stuck_after": declared} if declared else None
    assert (stuck(looked, pinned(sla=sla), NOW) is not None) == is_stuck


@pytest.mark.parametrize(
    ("said", "queue", "busy"),
    [
        pytest.param({}, QUEUE, True, id="works"),
        pytest.param({}, "other", False, id="on another queue"),
        pytest.param({"state": SCHEDULED}, QUEUE, False, id="waits"),
        pytest.param({"heard": 9}, QUEUE, False, id="its worker is gone"),
        pytest.param({"heard": 9, "silence": 9}, QUEUE, True, id="beats seldom"),
    ],
)
async def test_queue_is_served_while_a_step_of_it_is_worked_on(
    said: dict[str, Any], queue: str, busy: bool
) -> None:
    """A worker that has all hands full asks for no more work: it is there all the same."""
    assert await is_at_work(client(await step("invoke_model", **said)), run(), queue) == busy


async def test_runs_that_are_looked_into_take_turns() -> None:
    """Many long ones do not hide another; what is told as stuck is looked at each time."""
    runs = [run(f"report-{number:02}") for number in range(50)]
    told = {"report-49"}
    seen = [[each.id for each in in_turn(runs, told, number)] for number in range(3)]
    assert {len(each) for each in seen} == {MOST_LOOKED_INTO + 1}
    assert all("report-49" in each for each in seen)
    assert {name for each in seen for name in each} == {each.id for each in runs}
    assert in_turn([], set(), 7) == []
