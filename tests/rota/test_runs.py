"""Runs as the outside sees them: the input they take, the statuses they have."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rota.keepers.admission import AdmissionRequest, RunRef
from rota.runs import AgentRunInput, RunStatus
from rota.turns.checkpoint import RunArgument
from tests.rota.keepers.desks import run


def test_run_input_needs_the_agent_alone() -> None:
    """`{"agent": "report"}` is a whole input."""
    read = AgentRunInput.model_validate({"agent": "report"})
    assert (read.input, read.slot, read.trigger) == ({}, None, None)


def test_run_input_slot_with_any_offset_is_utc() -> None:
    """A slot is one instant, however it was written."""
    read = AgentRunInput.model_validate({"agent": "a", "slot": "2026-11-22T07:00:00+01:00"})
    assert read.slot is not None
    assert (read.slot, read.slot.tzinfo) == (datetime(2026, 11, 22, 6, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    "slot",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:01Z",
        "1970-01-01T00:00:00+00:01",
    ],
)
def test_run_input_slot_beyond_the_calendar_is_a_readable_error(slot: str) -> None:
    """Nobody's slot, but arithmetic with it would overflow: refused by validation itself."""
    with pytest.raises(ValidationError, match="is not between 1970 and 2200"):
        AgentRunInput.model_validate({"agent": "a", "slot": slot})


@pytest.mark.parametrize("slot", ["1970-01-01T00:00:00Z", "2199-12-31T23:00:00-01:00"])
def test_run_input_slot_at_the_edge_of_the_calendar_is_taken(slot: str) -> None:
    """The bounds themselves are slots."""
    assert AgentRunInput.model_validate({"agent": "a", "slot": slot}).slot


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"agent": "Report"},
        {"agent": "a", "imput": {}},
        {"agent": "a", "slot": "2026-11-22T06:00:00"},
        {"agent": "a", "trigger": "whim"},
        {"agent": "a", "input": []},
    ],
)
@pytest.mark.parametrize("model", [AgentRunInput, RunArgument])
def test_run_input_that_does_not_fit_is_refused(model: Any, data: dict[str, Any]) -> None:
    """Typing errors are errors, from outside as from within."""
    with pytest.raises(ValidationError):
        model.model_validate(data)


def test_admission_request_refuses_a_slot_without_an_offset() -> None:
    """A naive time would fail in a comparison deep inside the keeper, and wedge it."""
    request = {"run": run("r1"), "trigger": "schedule"}
    with pytest.raises(ValidationError):
        AdmissionRequest.model_validate({**request, "slot": "2026-11-22T06:00:00"})
    with pytest.raises(ValidationError):
        AdmissionRequest.model_validate({**request, "passed_slots": ["2026-11-22T06:00:00"]})


@pytest.mark.parametrize("field", ["id", "key"])
@pytest.mark.parametrize("value", ["", "x" * 1001])
def test_run_ref_that_names_no_run_is_refused(field: str, value: str) -> None:
    """The keeper would look for it for ever, and one endless name would fill its state."""
    with pytest.raises(ValidationError, match=field):
        RunRef.model_validate({"id": "r", "key": "k", field: value})


def test_run_status_closed_is_pinned() -> None:
    """Only these can still change."""
    assert {status for status in RunStatus if not status.closed} == {
        RunStatus.QUEUED,
        RunStatus.WAITING,
        RunStatus.RUNNING,
        RunStatus.AWAITING_APPROVAL,
        RunStatus.PARKED,
    }
