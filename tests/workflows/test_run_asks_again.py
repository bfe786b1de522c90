"""Runs that wait in line ask again: their keeper may know nothing of them any more."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

import workflows.run_kit.entry
from rota.ids import keeper_id
from rota.runs import RunStatus
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, poll, until
from tests.workflows.standing import waits

SOON = timedelta(seconds=1)


async def asked(run: WorkflowHandle[Any, Any], times: int) -> None:
    """Wait until the run has asked its keeper so often, with an answer or without."""

    async def seen() -> bool | None:
        events = [event async for event in run.fetch_history_events()]
        markers = [event.HasField("marker_recorded_event_attributes") for event in events]
        return sum(markers) >= times or None

    await poll(seen)


@pytest.mark.parametrize("shared", [{}, {"dedupe": {"key": "{input.n}"}}], ids=["turn", "key"])
async def test_run_in_line_of_a_keeper_terminated_and_applied_anew_comes_to_its_end(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, shared: dict[str, Any]
) -> None:
    """Also if nobody has applied it yet when the run asks."""
    monkeypatch.setattr(workflows.run_kit.entry, "ASK_AGAIN", SOON)
    gate, name = Gate(), stack.name("anew")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **shared)
        first = await stack.start(name, f"{name}-1", input={"n": 1})
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2", input={"n": 1})
        assert await waits(second, RunStatus.QUEUED)
        await stack.client.get_workflow_handle(keeper_id(name)).terminate()
        await asked(second, 2)
        await stack.declare(name, **GATED, **shared)
        await until(stack, name, lambda state: len(state.ledger) == 1)
        gate.opened.set()
        async with asyncio.timeout(20):
            ends = [(await run.result()).status for run in (first, second)]
    assert ends == [RunStatus.SUCCEEDED] * 2


async def test_run_in_line_that_asks_again_keeps_its_place(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking is idempotent: one entry, one place, one turn."""
    monkeypatch.setattr(workflows.run_kit.entry, "ASK_AGAIN", timedelta(seconds=0.3))
    gate, name = Gate(), stack.name("patient")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        run = await stack.start(name, f"{name}-2")
        await asked(run, 3)
        before = await stack.keeper(name)
        gate.opened.set()
        end = await run.result()
    assert sum(len(session.queue) for session in before.sessions.values()) == 1
    assert len(before.ledger) == 2
    assert end.status is RunStatus.SUCCEEDED
