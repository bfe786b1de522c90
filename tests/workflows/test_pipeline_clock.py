"""Pipelines and the clock: gates, deadlines and pauses of hours, in seconds.

On the server's own time skipping: see `tests.skipping` for whose clock runs how.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.pipelines.run import PipelineResult
from rota.runs import RunStatus
from tests.pipelines import INSTANT, Flaky, declare_pipeline, run_pipeline, worker_of
from tests.skipping import in_berlin, next_change, tomorrow
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate

SLACK = timedelta(seconds=10)
"""How late something may begin after its time: two starts on a busy machine."""
TOMORROW = tomorrow()
"""Before midnight or after: its hours are still to come when the tests run."""
FORWARD, BACK = next_change(1), next_change(-1)
"""On one day 02:30 does not exist, on the other it comes twice."""
EVERY_MORNING = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}


async def begun(stack: Stack, run_id: str) -> datetime:
    """When a run began, by the clock it lives in."""
    return (await stack.client.get_workflow_handle(run_id).describe()).start_time


async def ended(stack: Stack, run_id: str) -> datetime:
    """When a run ended, by the clock it lives in."""
    at = (await stack.client.get_workflow_handle(run_id).describe()).close_time
    assert at is not None
    return at


async def morning(
    stack: Stack, nodes: dict[str, Any], slot: datetime, **declaration: Any
) -> PipelineResult:
    """Run a pipeline in Berlin's time for a slot, until it ends."""
    name = stack.name("morning")
    declaration = {"wall_clock": "3d", "schedule": EVERY_MORNING, **declaration}
    await declare_pipeline(stack, name, nodes=nodes, **declaration)
    return await run_pipeline(stack, name, f"{name}-1", slot=slot.isoformat(), trigger="schedule")


async def report_and_mail(
    stack: Stack, flaky: Flaky, report: dict[str, Any], mail: dict[str, Any]
) -> PipelineResult:
    """A report from six on tomorrow, and the mail that waits for it."""
    for agent in ("report", "mail"):
        await stack.declare(stack.name(agent), **worker_of(agent))
    nodes = {
        "report": {"agent": stack.name("report"), "not_before": "06:00", **report},
        "mail": {"agent": stack.name("mail"), "after": ["report"], **mail},
    }
    return await morning(stack, nodes, at("06:00"))


def at(clock: str) -> datetime:
    """A time of tomorrow."""
    return in_berlin(TOMORROW, clock)


async def test_mail_that_is_ready_early_goes_out_at_its_time(skipping_stack: Stack) -> None:
    """The report is done at six; the mail begins at 06:15, not before and not after."""
    flaky = Flaky()
    async with skipping_stack.worker([flaky.tool]):
        result = await report_and_mail(skipping_stack, flaky, {}, {"not_before": "06:15"})
        report = await begun(skipping_stack, result.nodes["report"].run_id)
        mail = await begun(skipping_stack, result.nodes["mail"].run_id)
    assert result.status is RunStatus.SUCCEEDED
    assert at("06:00") <= report < at("06:00") + SLACK
    assert at("06:15") <= mail < at("06:15") + SLACK


async def test_mail_goes_out_at_once_when_the_report_comes_late(skipping_stack: Stack) -> None:
    """The report succeeds at 06:40, in its second attempt; the gate is long open by then."""
    flaky = Flaky(report=1)
    report = {"attempts": 2, "on_failure": {"backoff": "40m"}}
    async with skipping_stack.worker([flaky.tool]):
        result = await report_and_mail(skipping_stack, flaky, report, {"not_before": "06:15"})
        mail = await begun(skipping_stack, result.nodes["mail"].run_id)
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"report": 2, "mail": 1}
    assert at("06:40") <= mail < at("06:40") + SLACK


async def test_pause_before_each_further_attempt_is_kept(skipping_stack: Stack) -> None:
    """Five minutes after each failure, and no sooner."""
    flaky = Flaky(mail=2)
    mail = {"attempts": 3, "on_failure": {"backoff": "5m"}}
    async with skipping_stack.worker([flaky.tool]):
        result = await report_and_mail(skipping_stack, flaky, {}, mail)
        first = result.nodes["mail"].run_id.split("#")[0]
        runs = [first, f"{first}#2", f"{first}#3"]
        begins = [await begun(skipping_stack, run) for run in runs]
        ends = [await ended(skipping_stack, run) for run in runs]
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"report": 1, "mail": 3}
    for end, begin in zip(ends, begins[1:], strict=False):
        assert timedelta(minutes=5) <= begin - end + timedelta(seconds=1) < timedelta(minutes=6)


async def test_pause_before_a_rerun_of_the_upstream_is_kept(skipping_stack: Stack) -> None:
    """The mail asks for the report again, five minutes later."""
    flaky = Flaky(report=1)
    mail = {"on_failure": {"rerun_upstream": 1, "backoff": "5m"}}
    async with skipping_stack.worker([flaky.tool]):
        result = await report_and_mail(skipping_stack, flaky, {}, mail)
        again = await begun(skipping_stack, result.nodes["report"].run_id)
    assert result.nodes["report"].run_id.endswith("#2")
    assert at("06:05") <= again < at("06:05") + SLACK


async def test_report_that_fails_until_its_deadline_is_timed_out(skipping_stack: Stack) -> None:
    """At 08:00 nothing is tried any more; the mail is skipped, and says because of what."""
    flaky = Flaky(report=99)
    report = {"attempts": 20, "on_failure": {"backoff": "45m"}, "deadline": "08:00"}
    async with skipping_stack.worker([flaky.tool]):
        result = await report_and_mail(skipping_stack, flaky, report, {})
        over = await ended(skipping_stack, result.run_id)
    late, mail = result.nodes["report"], result.nodes["mail"]
    assert (result.status, late.status) == (RunStatus.FAILED, RunStatus.TIMED_OUT)
    assert late.reason == "not done by its deadline (08:00)"
    assert late.attempts == flaky.calls["report"] == 3
    assert (mail.status, mail.attempts) == (RunStatus.SKIPPED, 0)
    assert "report" in mail.reason
    assert "08:00" in mail.reason
    assert at("08:00") <= over < at("08:00") + SLACK


async def test_report_that_never_ends_is_timed_out_at_its_deadline(skipping_stack: Stack) -> None:
    """A run that still waits by then gives up by itself; the mail is skipped."""
    stack, gate = skipping_stack, Gate()
    # Not tomorrow: who waits asks every ten minutes, and each time takes a moment.
    slot = datetime.now(UTC).replace(microsecond=0)
    async with stack.worker([gate.tool]):
        for agent in ("report", "mail"):
            await stack.declare(stack.name(agent), **GATED)
        holder = await stack.start(stack.name("report"), "holder")
        await gate.reached.wait()
        nodes = {
            "report": {"agent": stack.name("report"), "deadline": "2h"},
            "mail": {"agent": stack.name("mail"), "after": ["report"]},
        }
        result = await morning(stack, nodes, slot)
        over = await ended(stack, result.nodes["report"].run_id)
        gate.opened.set()
        await holder.result()
    late, mail = result.nodes["report"], result.nodes["mail"]
    assert late.status is RunStatus.TIMED_OUT
    assert "holder" in late.reason
    assert (mail.status, mail.run_id) == (RunStatus.SKIPPED, "")
    assert mail.reason.startswith("report timed out")
    assert timedelta(hours=2) <= over - slot < timedelta(hours=2) + SLACK


async def test_pipeline_ends_at_its_own_limit(skipping_stack: Stack) -> None:
    """What would have begun later is not begun, and every node says so."""
    stack = skipping_stack
    async with stack.worker():
        await stack.declare(stack.name("agent"), **INSTANT)
        nodes = {
            "now": {"agent": stack.name("agent")},
            "later": {"agent": stack.name("agent"), "not_before": "12h"},
            "last": {"agent": stack.name("agent"), "after": ["later"]},
        }
        result = await morning(stack, nodes, at("06:00"), wall_clock="2h")
        begin, end = await begun(stack, result.run_id), await ended(stack, result.run_id)
    assert result.status is RunStatus.TIMED_OUT
    assert result.category is FailureCategory.LIMIT_REACHED
    assert "wall_clock" in result.reason
    assert result.nodes["now"].status is RunStatus.SUCCEEDED
    assert {result.nodes[node].run_id for node in ("later", "last")} == {""}
    assert timedelta(hours=2) <= end - begin < timedelta(hours=2) + SLACK


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        pytest.param(
            in_berlin(FORWARD, "00:30"), in_berlin(FORWARD, "03:00"), id="left out: the change"
        ),
        pytest.param(in_berlin(BACK, "00:30"), in_berlin(BACK, "02:30"), id="twice: the first one"),
        pytest.param(
            in_berlin(BACK, "02:45"),
            in_berlin(BACK, "02:30", fold=1),
            id="twice: the second one, for a slot between them",
        ),
    ],
)
async def test_gate_on_the_day_of_a_clock_change(
    skipping_stack: Stack, slot: datetime, expected: datetime
) -> None:
    """`not_before: "02:30"` means one moment, also where the clock shows it never or twice."""
    stack = skipping_stack
    async with stack.worker():
        await stack.declare(stack.name("agent"), **INSTANT)
        nodes = {"node": {"agent": stack.name("agent"), "not_before": "02:30"}}
        result = await morning(stack, nodes, slot, wall_clock="400d")
        begin = await begun(stack, result.nodes["node"].run_id)
    assert result.status is RunStatus.SUCCEEDED
    assert timedelta(0) <= begin - expected < SLACK
