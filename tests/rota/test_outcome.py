"""What a run tells of its end."""

from datetime import UTC, datetime

import pytest

from rota.admission import Admission, Decision, RunRef
from rota.conversation import Message, Text, ToolCall
from rota.loop import AnswerRef, Finish, LoopState
from rota.outcome import RunOrigin, result_of
from rota.runs import EventRecord, RunStatus, Trigger
from rota.transcript import RunContext, keyed
from tests.rota.desks import T0, pinned

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
