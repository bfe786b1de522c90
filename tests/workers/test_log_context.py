"""A line of the JSON log names the run that it belongs to, whoever writes it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from rota.failures import FailureCategory, StepError
from rota.keepers.admission import AdmissionRequest, Settlement
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.steps import AdmitInput, SettleInput, StepInput, TurnInput
from rota.tools import ToolDefinition, tool
from tests.stack import Stack, script
from workers.cli.logs import JsonLines
from workers.log_context import fields_of, log_fields, logged_with

ID = "report-2026-11-22T06:00:00Z"
RUN = RunRef(id=ID, key="k")
SLOT = {"slot": "2026-11-22T06:00:00Z"}
STEP: dict[str, Any] = {"agent": "report", "run": RUN, "context": "c"}
ADMIT = AdmitInput(
    request=AdmissionRequest(run=RUN, trigger=Trigger.SCHEDULE), agent="report", task_queue="rota"
)
SETTLE = SettleInput(agent="report", settlement=Settlement(run=RUN, status=RunStatus.FAILED))


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        (StepInput(**STEP), {"run": ID, "agent": "report", **SLOT}),
        (TurnInput(**STEP, turn=3), {"run": ID, "agent": "report", "turn": 3, **SLOT}),
        (ADMIT, {"run": ID, "agent": "report", **SLOT}),
        (SETTLE, {"run": ID, "agent": "report", **SLOT}),
        (RunRef(id="x", key="k"), {"workflow": "agent:report"}),
        (None, {"workflow": "agent:report"}),
        ({"run": "not one of ours"}, {"workflow": "agent:report"}),
    ],
)
def test_fields_are_those_of_the_run_that_an_activity_is_told_of(
    told: object, fields: dict[str, Any]
) -> None:
    """Whatever holds it; of what is no run's, the workflow alone."""
    assert fields_of("agent:report", told) == fields


def test_fields_lie_within_one_another_and_end_with_their_block() -> None:
    """What the outer block says stays, unless the inner one says otherwise."""
    with logged_with(run="r1", turn=1):
        with logged_with(turn=2, agent="a"):
            assert log_fields() == {"run": "r1", "turn": 2, "agent": "a"}
        assert log_fields() == {"run": "r1", "turn": 1}
    assert log_fields() == {}


@pytest.mark.parametrize("valid", [True, False])
def test_trace_is_named_if_one_is_recorded(valid: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the form in which it is looked up; a process that traces nothing has none."""
    context = SimpleNamespace(is_valid=valid, trace_id=255, span_id=16)
    span = SimpleNamespace(get_span_context=lambda: context)
    monkeypatch.setitem(
        sys.modules, "opentelemetry.trace", SimpleNamespace(get_current_span=lambda: span)
    )
    named = {"trace_id": f"{'0' * 30}ff", "span_id": f"{'0' * 14}10"}
    assert log_fields() == (named if valid else {})


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a library logs, as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("some.library")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)


def noting() -> ToolDefinition:
    """A tool, in a thread of its own, that uses a library which logs."""

    @tool(name="notes.add")
    def add() -> str:
        """Add a note."""
        logging.getLogger("some.library").info("added")
        return "added"

    return add


async def test_line_of_a_library_within_a_tool_names_the_run(
    stack: Stack, lines: io.StringIO
) -> None:
    """Though neither the library nor the tool knows of it, and it runs in a thread."""
    name = stack.name("noting")
    async with stack.worker([noting()]):
        runtime = script({"calls": [{"tool": "notes.add"}]}, {"result": "done"})
        await stack.declare(name, runtime=runtime, tools=["notes.add"])
        await stack.run(name, f"{name}-1")
    (event,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    told = {key: event[key] for key in ("message", "run", "agent", "activity", "attempt")}
    assert told == {
        "message": "added",
        "run": f"{name}-1",
        "agent": name,
        "activity": "run_tool",
        "attempt": 1,
    }


def failing() -> ToolDefinition:
    """A tool that fails for good."""

    @tool(name="notes.lose")
    def lose() -> str:
        """Lose a note."""
        raise StepError(FailureCategory.AUTH, "lost")

    return lose


async def test_line_in_which_the_sdk_tells_a_failed_attempt_names_the_run(
    stack: Stack, lines: io.StringIO
) -> None:
    """It is written when the attempt is over, and is the one that people look for."""
    name, handler = stack.name("loser"), logging.getLogger("some.library").handlers[0]
    sdk = logging.getLogger("temporalio.activity")
    sdk.addHandler(handler)
    try:
        async with stack.worker([failing()]):
            runtime = script({"calls": [{"tool": "notes.lose"}]})
            await stack.declare(name, runtime=runtime, tools=["notes.lose"])
            handle = await stack.start(name, f"{name}-1")
            with pytest.raises(WorkflowFailureError):
                await handle.result()
    finally:
        sdk.removeHandler(handler)
    events = [json.loads(line) for line in lines.getvalue().splitlines()]
    (event,) = [each for each in events if "failed" in each["message"]]
    told = {key: event[key] for key in ("run", "agent", "activity", "attempt")}
    assert told == {"run": f"{name}-1", "agent": name, "activity": "run_tool", "attempt": 1}
