"""Callers and keepers that continue as new between calls, on a server that suggests it early."""

from rota.ids import handoff_run_id, keeper_id
from rota.runs import RunStatus
from tests.replay.scenarios import chain
from tests.stack import Stack, script
from tests.workflows.handing import ANY_OBJECT, asks, called_run, told_by

CALLS = 8


async def test_handoffs_of_a_caller_that_continues_as_new_are_made_once(hasty: Stack) -> None:
    """Each call has one run of its own, which names the caller by its one workflow id."""
    caller, called = hasty.name("caller"), hasty.name("called")
    turns = [{"calls": [asks(called, x=number)]} for number in range(CALLS)]
    async with hasty.worker():
        runtime = script({"result": {"got": "{input.x}"}})
        await hasty.declare(called, runtime=runtime, output=ANY_OBJECT)
        await hasty.declare(
            caller,
            runtime=script(*turns, {"result": told_by(called)}),
            tools=[f"agents.{called}"],
            output=ANY_OBJECT,
        )
        result = await hasty.run(caller, f"{caller}-1")
        state = await hasty.keeper(called)
        executions = await chain(hasty.client, f"{caller}-1")
        keepers = await chain(hasty.client, keeper_id(called))
        last = await called_run(hasty, f"{caller}-1", called, turn=CALLS).result()
    runs = [entry.run.id for entry in state.ledger.values() if entry.run is not None]
    assert len(executions) > 1
    assert len(keepers) > 1
    assert (result.status, result.tool_calls) == (RunStatus.SUCCEEDED, CALLS)
    assert result.output == {"got": CALLS - 1}
    assert runs == [handoff_run_id(f"{caller}-1", called, n + 1, 0) for n in range(CALLS)]
    assert last.lineage is not None
    assert (last.lineage.root, last.lineage.agents) == (f"{caller}-1", (caller,))


async def test_handoff_deadline_of_a_continued_caller_stays_the_first(hasty: Stack) -> None:
    """Continuing as new wins no time: every called run is bound by the same moment."""
    caller, called = hasty.name("caller"), hasty.name("called")
    turns = [{"calls": [asks(called)]} for _ in range(CALLS)]
    async with hasty.worker():
        await hasty.declare(called, runtime=script({"result": "done"}))
        await hasty.declare(
            caller, runtime=script(*turns, {"result": "done"}), tools=[f"agents.{called}"]
        )
        await hasty.run(caller, f"{caller}-1")
        ends = [
            (await called_run(hasty, f"{caller}-1", called, turn=turn).result()).lineage
            for turn in (1, CALLS)
        ]
    first, last = ends
    assert first is not None
    assert last is not None
    assert first.deadline == last.deadline
