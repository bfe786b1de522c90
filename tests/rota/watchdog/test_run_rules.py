"""Runs beyond their time, without progress, or unable to go on."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.keepers.state import LedgerEntry
from rota.pinned_spec import PinnedSpec
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.watchdog.open_run import OpenRun
from rota.watchdog.run_rules import overdue, stuck, wedged
from rota.watchdog.sla import SlaSpec
from tests.rota.keepers.desks import T0, pinned

MINUTE = timedelta(minutes=1)
BERLIN = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}


def spec(**sla: Any) -> PinnedSpec:
    """An agent of Berlin that promises something."""
    return pinned(sla=sla or None, schedule=BERLIN, schedule_id="report")


def entry(*, slot: datetime | None = T0, ended: datetime | None = None) -> LedgerEntry:
    """A run of 06:00 UTC, which is 07:00 in Berlin."""
    return LedgerEntry(
        run=RunRef(id="report-1", key="k1"),
        trigger=Trigger.SCHEDULE if slot else Trigger.MANUAL,
        slot=slot,
        status=RunStatus.SUCCEEDED if ended else RunStatus.RUNNING,
        admitted_at=T0,
        settled_at=ended,
    )


@pytest.mark.parametrize(
    ("sla", "run", "minutes", "told"),
    [
        pytest.param({"finish_by": "07:30"}, entry(), 29, None, id="in time"),
        pytest.param({"finish_by": "07:30"}, entry(), 31, False, id="clock of its zone"),
        pytest.param({"finish_by": "06:30"}, entry(), 60, None, id="clock of the next day"),
        pytest.param({"finish_by": "10m"}, entry(), 11, False, id="after the slot"),
        pytest.param({"finish_by": "10m"}, entry(slot=None), 11, False, id="after it began"),
        pytest.param({"finish_by": "07:30"}, entry(slot=None), 60, None, id="no slot, no clock"),
        pytest.param(
            {"finish_by": "10m"}, entry(ended=T0 + 12 * MINUTE), 12, True, id="ended meanwhile"
        ),
        pytest.param({"finish_by": "10m"}, entry(ended=T0 + 5 * MINUTE), 12, None, id="ended"),
        pytest.param({"finish_by": "10m"}, entry(ended=T0 + 12 * MINUTE), 30, None, id="long ago"),
        pytest.param({"start_within": "1m"}, entry(), 99, None, id="nothing said"),
    ],
)
def test_run_beyond_its_time_is_told_also_if_it_has_ended_meanwhile(
    sla: dict[str, Any], run: LedgerEntry, minutes: int, told: bool | None
) -> None:
    """By the clock of its slot's zone, or by a time after it; None: nothing is told."""
    now = T0 + minutes * MINUTE
    found = overdue(spec(**sla), [run], now - MINUTE, now)
    assert [each.over is not None for each in found] == ([] if told is None else [told])


def at_work(**fields: Any) -> OpenRun:
    """A run in which nothing has happened since it began."""
    of = {"id": "report-1", "key": "k1", "agent": "report", "status": "running", "began": T0}
    return OpenRun.model_validate({**of, "progress": T0, **fields})


@pytest.mark.parametrize(
    ("run", "minutes", "is_stuck"),
    [
        pytest.param(at_work(), 14, False, id="not yet"),
        pytest.param(at_work(), 16, True, id="for half its wall clock"),
        pytest.param(at_work(progress=T0 + 10 * MINUTE), 20, False, id="something happened"),
        pytest.param(at_work(status="awaiting_approval"), 99, False, id="waits for people"),
        pytest.param(at_work(status="parked"), 99, False, id="parked"),
        pytest.param(at_work(status="waiting"), 99, False, id="waits for another run"),
        pytest.param(at_work(has_children=True), 99, False, id="its children's to tell"),
        pytest.param(at_work(problems=("x",)), 99, False, id="wedged, which is told apart"),
        pytest.param(at_work(progress=None), 99, False, id="nobody has looked"),
    ],
)
def test_run_without_progress_is_stuck_unless_it_waits_for_somebody(
    run: OpenRun, minutes: int, is_stuck: bool
) -> None:
    """Of a wall clock of 30 minutes, half; who waits for people is what it is to be."""
    assert (stuck(run, spec(), T0 + minutes * MINUTE) is not None) == is_stuck


def test_run_is_stuck_after_the_time_declared() -> None:
    """What is declared counts, also below what is derived; the step under way is named."""
    waits = "invoke_model at attempt 7 (overloaded)"
    found = stuck(at_work(waits_for=waits), spec(stuck_after="2m"), T0 + 3 * MINUTE)
    assert found is not None
    assert found.reason == f"nothing has happened in it for 3m: {waits}"


def test_workflow_whose_tasks_fail_is_wedged() -> None:
    """The server says so itself."""
    assert wedged(at_work(), "default", T0) is None
    found = wedged(at_work(problems=("category=WorkflowTaskFailed",)), "default", T0)
    assert found is not None
    assert "category=WorkflowTaskFailed" in found.reason


def test_sla_that_promises_nothing_is_refused() -> None:
    """An empty block would look like a promise."""
    with pytest.raises(ValueError, match="promises nothing"):
        SlaSpec()
