"""The keeper over time on the real server: declared, retired, continued as new."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

import workflows.agent
import workflows.keeper_kit.outside
from rota.ids import keeper_id
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus
from rota.steps import LedgerPage
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate, until, waiting

DONE = script({"result": "done"})
REMEMBERING = script(
    {"calls": [{"tool": "memory.update", "args": {"patch": {"seen": 1}}}]}, {"result": "done"}
)

RIGHT_AWAY = timedelta(seconds=1)


async def fail(*_: object) -> str:
    """A store that cannot be written."""
    raise OSError("disk full")


async def retire(stack: Stack, name: str) -> None:
    """Take the declaration back."""
    await stack.client.get_workflow_handle(keeper_id(name)).execute_update("retire")


async def test_retired_agent_refuses_runs_and_keeps_its_memory(stack: Stack) -> None:
    """A run of a retired agent fails with a line on what to do; re-declared, it remembers."""
    name = stack.name("retired")
    async with stack.worker():
        await stack.declare(name, runtime=REMEMBERING, tools=["memory.update"])
        first = await stack.run(name, f"{name}-1")
        await retire(stack, name)
        refused = await stack.start(name, f"{name}-2")
        with pytest.raises(WorkflowFailureError) as caught:
            await refused.result()
        await stack.declare(name, runtime=DONE)
        again = await stack.run(name, f"{name}-3")
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.message.startswith(f"agent '{name}' is not declared here: run 'rota apply'")
    assert again.status is RunStatus.SUCCEEDED
    assert again.memory == first.memory is not None


async def test_retired_agent_turns_the_waiting_away_and_lives_on(stack: Stack) -> None:
    """The holder finishes, who waits is skipped with the reason, the keeper still answers."""
    name, gate = stack.name("ousted"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        holder = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        queued = [await stack.start(name, f"{name}-{n}") for n in (2, 3)]
        await until(stack, name, waiting(2))
        await retire(stack, name)
        skipped = await asyncio.gather(*(run.result() for run in queued))
        gate.opened.set()
        finished = await holder.result()
        await stack.declare(name, runtime=DONE)
        after = await stack.run(name, f"{name}-4")
    assert finished.status is after.status is RunStatus.SUCCEEDED
    for result in skipped:
        assert result.status is RunStatus.SKIPPED
        assert result.reason == "the agent was retired while this run waited"


async def test_update_that_does_not_fit_fails_alone(stack: Stack) -> None:
    """A malformed message from outside is refused by name; the keeper serves on."""
    name = stack.name("sturdy")
    naive = {"run": {"id": "a", "key": "b"}, "trigger": "schedule", "slot": "2026-11-22T06:00:00"}
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await keeper.execute_update("admit", naive)
        result = await stack.run(name, f"{name}-1")
    assert "slot: Input should have timezone info" in str(caught.value.cause)
    assert result.status is RunStatus.SUCCEEDED


RUN = '{"run": {"id": "a", "key": "b"}'
WAITER = '{"waiter": {"id": "a", "key": "b"}, "slot": "2026-11-22T06:00:00Z"'


@pytest.mark.parametrize(
    ("update", "argument", "words"),
    [
        ("admit", RUN + ', "trigger": "manual", "input": {"n": 1e999}}', "input: Out of range"),
        ("need", WAITER + ', "within_seconds": 1e12}', "within_seconds: Input should be less"),
        ("need", WAITER + ', "within_seconds": 1e999}', "within_seconds: Input should be less"),
    ],
)
async def test_number_beyond_all_bounds_is_refused_and_the_keeper_serves_on(
    stack: Stack, update: str, argument: str, words: str
) -> None:
    """What no calendar reaches, and no JSON can be made of again, stops no workflow task."""
    name = stack.name("sturdy")
    payload = Payload(metadata={"encoding": b"json/plain"}, data=argument.encode())
    async with stack.worker():
        schedule, session = {"cron": "0 6 * * *"}, {"key": "{input.n|0}"}
        await stack.declare(name, runtime=DONE, schedule=schedule, session=session)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await keeper.execute_update(update, RawValue(payload))
        result = await stack.run(name, f"{name}-1")
    assert words in str(caught.value.cause)
    assert result.status is RunStatus.SUCCEEDED


async def test_keeper_continued_as_new_keeps_queue_and_pages(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holder and queue survive; pages chain up; every run has one entry, in order."""
    monkeypatch.setattr(workflows.agent, "HOT_ENTRIES", 3)
    name, gate = hasty.name("keeper"), Gate()
    async with hasty.worker([gate.tool]):
        await hasty.declare(name, **GATED, session={"key": "{input.key|held}"})
        keeper = hasty.client.get_workflow_handle(keeper_id(name))
        first = (await keeper.describe()).run_id
        holder = await hasty.start(name, f"{name}-h0")
        await gate.reached.wait()
        queued = []
        for number in range(1, 14):
            queued.append(await hasty.start(name, f"{name}-h{number}"))
            await until(hasty, name, waiting(number))
        assert (await keeper.describe()).run_id != first
        gate.opened.set()
        results = await asyncio.gather(*(run.result() for run in (holder, *queued)))
        state = await hasty.keeper(name)
        entries: list[LedgerEntry] = list(state.ledger.values())
        digest, pages = state.pages, 0
        while digest is not None:
            page = LedgerPage.model_validate_json(await hasty.store.get(digest))
            entries = [*page.entries, *entries]
            digest, pages = page.parent, pages + 1
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    ids = [entry.run.id for entry in entries if entry.run]
    assert ids == [f"{name}-h{number}" for number in range(14)]
    assert {entry.status for entry in entries} == {RunStatus.SUCCEEDED}
    assert pages >= 2
    assert state.paged == 14 - len(state.ledger)
    assert state.session("held").holder is None


async def test_keeper_whose_store_is_broken_keeps_its_ledger_and_its_grants(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that cannot be written costs nothing: the keeper lives on with all entries."""
    monkeypatch.setattr(workflows.agent, "HOT_ENTRIES", 1)
    options = workflows.keeper_kit.outside.keeper_options()
    options["start_to_close_timeout"] = options["schedule_to_close_timeout"] = RIGHT_AWAY
    monkeypatch.setattr(workflows.keeper_kit.outside, "keeper_options", lambda: options)
    name = hasty.name("storeless")
    async with hasty.worker():
        await hasty.declare(name, runtime=DONE)
        keeper = hasty.client.get_workflow_handle(keeper_id(name))
        first = (await keeper.describe()).run_id
        monkeypatch.setattr("activities.desks.keepers.put_record", fail)
        for number in range(8):
            await hasty.run(name, f"{name}-{number}")
        state = await hasty.keeper(name)
        assert (await keeper.describe()).run_id != first
    assert len(state.ledger) == 8
    assert (state.pages, state.paged) == (None, 0)
