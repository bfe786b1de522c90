"""What a run tells of its end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.conversation import Message, Text, ToolCall
from rota.coordination.lineage import Lineage
from rota.keepers.admission import Admission, Decision, KeyOutcome, RunRef
from rota.runs import EventRecord, RunStatus, Trigger
from rota.turns.calls import AnswerRef
from rota.turns.loop import Finish, LoopState
from rota.turns.outcome import RunOrigin, finish_of_joined, result_of
from rota.turns.transcript import RunContext, keyed
from tests.rota.keepers.desks import T0, pinned

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)


def events_of(key: str, slot: datetime | None, status: RunStatus) -> tuple[EventRecord, ...]:
    """Events of a run of workflow id `same-id`."""
    run = RunRef(id="same-id", key=key)
    origin = RunOrigin(agent="report", run=run, trigger=Trigger.MANUAL, slot=slot)
    admission = Admission(decision=Decision.GO, run=run, spec=pinned(emits=("report.done",)))
    finish = Finish(status=status, answer=AnswerRef(digest="d"))
    return result_of(origin, admission, LoopState(), finish, NOW).events


def test_event_of_a_reused_workflow_id_is_another_event() -> None:
    """Two runs under one id publish twice; the id alone would hide the second."""
    (first,) = events_of("key-1", None, RunStatus.SUCCEEDED)
    (second,) = events_of("key-2", None, RunStatus.SUCCEEDED)
    assert first.id != second.id


def test_event_of_a_slot_is_the_same_for_every_execution_of_its_run() -> None:
    """A scheduled run that is reset publishes what it published before."""
    (first,) = events_of("key-1", T0, RunStatus.SUCCEEDED)
    (second,) = events_of("key-2", T0, RunStatus.SUCCEEDED)
    assert first.id == second.id == "same-id/report.done"


@pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.SUCCEEDED])
def test_events_of_a_run_that_did_not_succeed_are_none(status: RunStatus) -> None:
    """Nobody is told that something was done which was not."""
    assert events_of("key", T0, status) == ()


def test_call_key_of_a_reused_workflow_id_differs() -> None:
    """A second run under one id has effects of its own."""

    def key_of(run_key: str) -> str:
        context = RunContext(run_id="same-id", run_key=run_key, spec=pinned())
        call = ToolCall(id="1", name="mail.send", args={})
        reply = Message(role="assistant", content=(Text(text="go"), call))
        return keyed(reply, context, []).tool_calls[0].key

    assert key_of("key-1") != key_of("key-2")


FIRST = RunRef(id="review-1", key="key-1")
SECOND = RunRef(id="review-2", key="key-2")


@pytest.mark.parametrize(
    ("outcome", "status", "category", "reason"),
    [
        ({"status": "succeeded", "output": "d"}, "skipped", None, "review-1 did it: same key"),
        (
            {"status": "skipped", "reason": "needs report"},
            "skipped",
            None,
            "review-1 has the same key: needs report",
        ),
        (
            {"status": "skipped", "reason": "the agent was retired", "run": SECOND},
            "skipped",
            None,
            "the agent was retired",
        ),
        (
            {"status": "failed", "reason": "no data", "category": "tool_failed"},
            "failed",
            "tool_failed",
            "review-1, which did it for the same key, ended as failed: no data",
        ),
        (
            {"status": "cancelled"},
            "failed",
            "upstream",
            "review-1, which did it for the same key, ended as cancelled",
        ),
    ],
)
def test_joined_run_ends_as_the_one_that_worked(
    outcome: dict[str, Any], status: str, category: str | None, reason: str
) -> None:
    """A result is shared; any other end is the joined run's own, with a reason that says so."""
    told = KeyOutcome.model_validate({"waiter": SECOND, "run": FIRST, **outcome})
    finish = finish_of_joined(told, "inline")
    assert (finish.status, finish.category, finish.reason) == (status, category, reason)
    shared = AnswerRef(digest="d", output="inline") if outcome.get("output") else None
    assert finish.answer == shared


def test_result_of_a_joined_run_is_the_others() -> None:
    """Skipped, with a result: callers may use it as any other."""
    origin = RunOrigin(agent="review", run=SECOND, trigger=Trigger.MANUAL)
    admission = Admission(decision=Decision.JOIN, run=SECOND, spec=pinned(emits=("done",)))
    told = KeyOutcome(waiter=SECOND, run=FIRST, status=RunStatus.SUCCEEDED, output="d")
    result = result_of(origin, admission, LoopState(), finish_of_joined(told, 7), NOW)
    assert (result.status, result.output, result.output_digest) == (RunStatus.SKIPPED, 7, "d")
    assert result.events == ()


def test_bound_of_a_run_is_the_time_of_whatever_started_it() -> None:
    """A run that nobody waits for has none."""
    origin = RunOrigin(agent="review", run=FIRST, trigger=Trigger.MANUAL)
    assert origin.bound is None
    lineage = Lineage(root="r", parent="r", deadline=NOW)
    assert origin.model_copy(update={"lineage": lineage}).bound == NOW
