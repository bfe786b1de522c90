"""A run's long waits: gates, deadlines of needs, and locks that do not become free.

On the server's own time skipping: see `tests.skipping` for whose clock runs how.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus
from tests.skipping import in_berlin, tomorrow
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate

TOMORROW = tomorrow()
EVERY_MORNING = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
SLACK = timedelta(seconds=10)
DONE: dict[str, Any] = {"runtime": script({"result": "done"})}


def at(clock: str) -> str:
    """A time of tomorrow, as a slot is given."""
    return in_berlin(TOMORROW, clock).isoformat()


def is_about(moment: datetime | None, clock: str) -> bool:
    """True of a time of tomorrow, and a little after it."""
    due = in_berlin(TOMORROW, clock)
    return moment is not None and due <= moment < due + SLACK


@pytest.mark.parametrize(
    ("otherwise", "status"),
    [
        ("fail", RunStatus.FAILED),
        ("skip", RunStatus.SKIPPED),
        ("use_last", RunStatus.SUCCEEDED),
    ],
)
async def test_run_waits_for_what_it_needs_until_the_deadline(
    skipping_stack: Stack, otherwise: str, status: RunStatus
) -> None:
    """Two hours for a report that is still at work at 08:00; then what was declared."""
    stack, gate = skipping_stack, Gate()
    report, name = stack.name("report"), stack.name("mail")
    need = {"agent": report, "deadline": "08:00", "otherwise": otherwise}
    async with stack.worker([gate.tool]):
        await stack.declare(report, **DONE)
        await stack.run(report, "the-day-before", slot=at("05:00"))
        await stack.declare(report, **GATED)
        pending = await stack.start(report, "this-morning", slot=at("06:00"))
        await gate.reached.wait()
        await stack.declare(
            name,
            runtime=script({"result": f"{{input.needs.{report}.run_id}}"}),
            needs=[need],
            schedule=EVERY_MORNING,
        )
        run = await stack.start(name, f"{name}-1", slot=at("06:00"), trigger="rerun")
        result: AgentRunResult = (
            (await ending_of(run)).result if status is RunStatus.FAILED else await run.result()
        )
        over = (await run.describe()).close_time
        gate.opened.set()
        await pending.result()
    assert result.status is status
    assert is_about(over, "08:00")
    if status is RunStatus.SUCCEEDED:
        assert result.output == "the-day-before"
    else:
        assert f"needs {report}" in result.reason
        assert in_berlin(TOMORROW, "08:00").strftime("%H:%M:00Z") in result.reason


async def test_run_whose_need_is_met_early_works_at_its_time(skipping_stack: Stack) -> None:
    """The report is there; the mail works at 06:15."""
    stack = skipping_stack
    report, name = stack.name("report"), stack.name("mail")
    need = {"agent": report, "not_before": "06:15"}
    async with stack.worker():
        await stack.declare(report, **DONE)
        await stack.run(report, f"{report}-1", slot=at("06:00"))
        await stack.declare(name, **DONE, needs=[need], schedule=EVERY_MORNING)
        run = await stack.start(name, f"{name}-1", slot=at("06:00"))
        result = await run.result()
        over = (await run.describe()).close_time
    assert result.status is RunStatus.SUCCEEDED
    assert is_about(over, "06:15")


async def test_run_waits_for_a_lock_no_longer_than_declared(skipping_stack: Stack) -> None:
    """Its hour is up while the holder still works: it fails, names it, and leaves the queue."""
    stack, gate = skipping_stack, Gate()
    name, lock = stack.name("post"), stack.name("books")
    parallel = {"session": {"concurrency": "parallel"}}
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **parallel, locks=[{"name": lock, "wait": "1h"}])
        holder = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        run = await stack.start(name, f"{name}-2")
        ending = await ending_of(run)
        described = await run.describe()
        gate.opened.set()
        await holder.result()
    assert described.close_time is not None
    waited = described.close_time - described.start_time
    assert (ending.result.status, ending.result.category) == (
        RunStatus.FAILED,
        FailureCategory.UPSTREAM,
    )
    assert f"{name}-1" in ending.result.reason
    assert timedelta(hours=1) <= waited < timedelta(hours=1) + SLACK
