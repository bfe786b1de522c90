"""A run waits for other agents' results: on the real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from rota.failures import FailureCategory
from rota.ids import format_slot, keeper_id
from rota.keepers.admission import RunRef
from rota.runs import RunStatus
from rota.tools import ToolDefinition, ToolError, tool
from tests.saying import say
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate
from tests.workflows.standing import this_second, waits

DAY = timedelta(days=1)
OBJECT = {"schema": {"type": "object"}}


class Flaky:
    """A tool `source.read` that breaks the run so many times, then delivers."""

    def __init__(self, failures: int, *, effect_unknown: bool = False) -> None:
        self.left = failures
        self.calls = 0
        self._error = RuntimeError if effect_unknown else ToolError

    @property
    def tool(self) -> ToolDefinition:
        """The tool; only what a write tool itself reports as an error is known to be none."""

        @tool(name="source.read", effect="write")
        def read() -> dict[str, str]:
            """Read the source."""
            self.calls += 1
            if self.left:
                self.left -= 1
                raise self._error("the source is closed")
            return {"value": "figures"}

        return read


REPORT: dict[str, Any] = {
    "runtime": script(
        {"calls": [{"tool": "source.read"}]},
        # Without a value there is no answer, and the run fails.
        {"result": "{results.source_read.value}"},
    ),
    "tools": ["source.read"],
    "effects": {"on_unknown": "fail"},
}


async def declare_reader(stack: Stack, upstream: str, base: str = "mail", **need: Any) -> str:
    """An agent that needs `upstream` and answers with what it got."""
    name = stack.name(base)
    await stack.declare(
        name,
        runtime=script({"result": {"got": f"{{input.needs.{upstream}}}"}}),
        output=OBJECT,
        needs=[{"agent": upstream, "deadline": "5m", **need}],
    )
    return name


@asynccontextmanager
async def reader(stack: Stack, **need: Any) -> AsyncIterator[tuple[str, str]]:
    """A report that is there at once, and an agent that needs it."""
    upstream = stack.name("report")
    async with stack.worker():
        await stack.declare(upstream, runtime=script({"result": {"total": 7}}), output=OBJECT)
        yield upstream, await declare_reader(stack, upstream, **need)


async def result_of(run: Any) -> Any:
    """The result, be it the workflow's own or the details of its failure."""
    try:
        return await run.result()
    except WorkflowFailureError:
        return (await ending_of(run)).result


async def test_need_of_a_slot_that_has_succeeded_waits_for_nothing(stack: Stack) -> None:
    """The result goes into the input, with the run and the slot it is of."""
    slot = this_second()
    async with reader(stack) as (upstream, name):
        await stack.run(upstream, f"{upstream}-1", slot=slot.isoformat())
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        result = await run.result()
    expected = {"run_id": f"{upstream}-1", "slot": format_slot(slot), "output": {"total": 7}}
    assert result.output == {"got": expected}


async def test_need_of_a_slot_at_work_waits_visibly_and_goes_on_when_it_settles(
    stack: Stack,
) -> None:
    """The upstream's end is what ends the wait; meanwhile the run says what it waits for."""
    gate, slot = Gate(), this_second()
    upstream = stack.name("report")
    async with stack.worker([gate.tool]):
        await stack.declare(upstream, **GATED)
        name = await declare_reader(stack, upstream)
        at_work = await stack.start(upstream, f"{upstream}-1", slot=slot.isoformat())
        await gate.reached.wait()
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        told = await waits(run)
        gate.opened.set()
        result = await run.result()
        await at_work.result()
    assert told == [f"{upstream} {format_slot(slot)} (pending: {upstream}-1 is running)"]
    assert result.status is RunStatus.SUCCEEDED
    assert result.output["got"]["output"] == "done"


async def test_need_of_a_slot_that_nobody_has_started_waits_for_it(stack: Stack) -> None:
    """A dependent that comes first loses nothing."""
    slot = this_second()
    async with reader(stack) as (upstream, name):
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        await waits(run)
        await stack.run(upstream, f"{upstream}-1", slot=slot.isoformat())
        result = await run.result()
    assert result.output["got"]["output"] == {"total": 7}


async def test_need_of_an_agent_that_is_retired_meanwhile_ends_the_wait(stack: Stack) -> None:
    """Nobody will start the slot any more, so nobody waits for it until the deadline."""
    async with reader(stack) as (upstream, name):
        run = await stack.start(name, f"{name}-1")
        await waits(run)
        await stack.client.get_workflow_handle(keeper_id(upstream)).execute_update("retire")
        ending = await ending_of(run)
    assert ending.result.category is FailureCategory.UPSTREAM
    assert "it is not declared any more" in ending.result.reason


async def test_need_waits_on_through_a_change_of_workers(stack: Stack) -> None:
    """The wait is in the history, not in a process."""
    slot = this_second()
    async with reader(stack) as (upstream, name):
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        await waits(run)
    async with stack.worker():
        await stack.run(upstream, f"{upstream}-1", slot=slot.isoformat())
        result = await run.result()
    assert result.output["got"]["output"] == {"total": 7}


async def test_need_of_a_failed_slot_has_it_run_again_once_for_all(stack: Stack) -> None:
    """Two agents see one failure: one re-run serves both."""
    flaky, slot = Flaky(1), this_second()
    upstream = stack.name("report")
    async with stack.worker([flaky.tool]):
        await stack.declare(upstream, **REPORT)
        need = {"on_failure": {"rerun": 2, "backoff": "1s"}}
        names = [await declare_reader(stack, upstream, base, **need) for base in ("mail", "web")]
        at = slot.isoformat()
        await ending_of(await stack.start(upstream, f"{upstream}-1", slot=at))
        runs = [await stack.start(name, f"{name}-1", slot=at) for name in names]
        results = [await run.result() for run in runs]
        state = await stack.keeper(upstream)
    assert flaky.calls == 2
    assert [entry.trigger for entry in state.ledger.values()] == ["manual", "rerun"]
    assert all(result.output["got"]["output"] == "figures" for result in results)


async def test_need_whose_reruns_all_fail_fails_the_run(stack: Stack) -> None:
    """The end names the upstream's run and what was tried."""
    flaky, slot = Flaky(9), this_second()
    upstream = stack.name("report")
    async with stack.worker([flaky.tool]):
        await stack.declare(upstream, **REPORT)
        on_failure = {"rerun": 2, "backoff": "0s"}
        name = await declare_reader(stack, upstream, on_failure=on_failure)
        await ending_of(await stack.start(upstream, f"{upstream}-1", slot=slot.isoformat()))
        ending = await ending_of(await stack.start(name, f"{name}-1", slot=slot.isoformat()))
    assert (ending.result.status, flaky.calls) == (RunStatus.FAILED, 3)
    assert ending.result.category is FailureCategory.UPSTREAM
    assert "re-run 2 times" in ending.result.reason


async def test_need_of_a_slot_whose_effect_is_unknown_is_not_repeated_but_by_a_person(
    stack: Stack,
) -> None:
    """What may have been done is not done twice; once somebody has looked, it may be."""
    flaky, slot = Flaky(1, effect_unknown=True), this_second()
    upstream = stack.name("report")
    async with stack.worker([flaky.tool]):
        await stack.declare(upstream, **REPORT)
        name = await declare_reader(stack, upstream, on_failure={"rerun": 2, "backoff": "0s"})
        at = slot.isoformat()
        first = await ending_of(await stack.start(upstream, f"{upstream}-1", slot=at))
        ending = await ending_of(await stack.start(name, f"{name}-1", slot=at))
        calls = flaky.calls
        await say(stack, upstream, happened=False)
        again = await stack.run(upstream, f"{upstream}-1-rerun-1", slot=at, trigger="rerun")
        result = await stack.run(name, f"{name}-2", slot=at)
    assert first.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert (ending.result.category, calls) == (FailureCategory.UPSTREAM, 1)
    advice = f"not repeated: look, then run it again with `rota rerun {upstream}-1`"
    assert advice in ending.result.reason
    assert again.status is RunStatus.SUCCEEDED
    assert result.output["got"]["output"] == "figures"


@pytest.mark.parametrize(
    ("otherwise", "status", "category"),
    [
        ("fail", RunStatus.FAILED, FailureCategory.UPSTREAM),
        ("skip", RunStatus.SKIPPED, None),
        ("use_last", RunStatus.SUCCEEDED, None),
    ],
)
async def test_need_that_is_missing_at_its_deadline_does_as_declared(
    stack: Stack, otherwise: str, status: RunStatus, category: FailureCategory | None
) -> None:
    """Fail, skip, or work with the newest result there is; the ledger has the same end."""
    slot = this_second()
    need = {"otherwise": otherwise, "deadline": "2s", "within": "1h"}
    async with reader(stack, **need) as (upstream, name):
        await stack.run(upstream, f"{upstream}-old", slot=(slot - DAY).isoformat())
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        result = await result_of(run)
        (entry,) = (await stack.keeper(name)).ledger.values()
        watchers = (await stack.keeper(upstream)).watchers
    assert (result.status, result.category) == (status, category)
    assert (entry.status, entry.reason) == (status, result.reason)
    assert watchers == ()
    if status is RunStatus.SUCCEEDED:
        assert result.output["got"]["slot"] == format_slot(slot - DAY)


async def test_need_of_an_agent_that_is_not_declared_fails_clean(stack: Stack) -> None:
    """A name that nobody declares is a mistake, not a reason to wait."""
    async with stack.worker():
        name = await declare_reader(stack, "nobody-at-all")
        ending = await ending_of(await stack.start(name, f"{name}-1"))
        state = await stack.keeper(name)
    assert ending.result.status is RunStatus.FAILED
    assert "agent 'nobody-at-all' is not declared" in ending.result.reason
    assert state.session("default").holder is None


async def test_run_cancelled_while_it_needs_something_settles_as_cancelled(stack: Stack) -> None:
    """The session is free for the next run at once."""
    async with reader(stack) as (_, name):
        run = await stack.start(name, f"{name}-1")
        await waits(run)
        await run.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await run.result()
        state = await stack.keeper(name)
    assert isinstance(caught.value.cause, CancelledError)
    assert [entry.status for entry in state.ledger.values()] == [RunStatus.CANCELLED]
    assert state.session("default").holder is None


async def test_needs_one_that_is_not_met_ends_the_wait_for_the_others(stack: Stack) -> None:
    """Nobody waits for an hour to learn what is known after a second."""
    slow, quick, name = stack.name("slow"), stack.name("quick"), stack.name("both")
    async with stack.worker():
        for upstream in (slow, quick):
            await stack.declare(upstream, runtime=script({"result": "never asked for"}))
        needs = [{"agent": slow, "deadline": "1h"}, {"agent": quick, "deadline": "1s"}]
        await stack.declare(name, runtime=script({"result": "done"}), needs=needs)
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.reason.startswith(f"needs {quick}")


async def test_word_for_an_older_run_of_the_same_id_is_not_taken(stack: Stack) -> None:
    """A workflow id may be used again; a need is met by its own answer only."""
    slot = this_second()
    async with reader(stack, deadline="3s") as (upstream, name):
        run = await stack.start(name, f"{name}-1", slot=slot.isoformat())
        await waits(run)
        stranger = RunRef(id=f"{name}-1", key="of-another-run")
        found = {"run": RunRef(id="x", key="x").model_dump(), "output": None}
        word = {"waiter": stranger.model_dump(), "upstream": upstream, "state": "settled"}
        await run.signal("upstream_settled", {**word, "found": found})
        ending = await ending_of(run)
    assert ending.result.status is RunStatus.FAILED
