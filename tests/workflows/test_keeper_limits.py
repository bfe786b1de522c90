"""`limits.parallel` on the real server: so many at work, the rest in order."""

import asyncio
from typing import Any

import pytest

from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from rota.tools import ToolContext, tool
from tests.stack import Stack, script
from tests.workflows.gates import until, waiting
from tests.workflows.watched import look_often

APART: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "place.take"}]}, {"result": "done"}),
    "tools": ["place.take"],
    "session": {"key": "{input.n}"},
}


class Places:
    """A tool `place.take` that notes who is at work, and lets each go when told."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.most = 0
        self.open = asyncio.Event()
        self._at_work = 0

        @tool(name="place.take")
        async def take(context: ToolContext) -> str:
            """Work until the test lets everybody go."""
            self.began.append(context.run_id)
            self._at_work += 1
            self.most = max(self.most, self._at_work)
            await self.open.wait()
            self._at_work -= 1
            return "worked"

        self.tool = take


def working(count: int) -> Any:
    """True of a keeper with so many runs at work."""

    def seen(state: KeeperState) -> bool:
        return sum(e.status is RunStatus.RUNNING for e in state.ledger.values()) == count

    return seen


@pytest.mark.parametrize("parallel", [1, 2])
async def test_limit_lets_so_many_work_and_the_rest_wait(stack: Stack, parallel: int) -> None:
    """Six runs of six sessions: never more at once, and one by one in order of arrival."""
    name, places = stack.name("review"), Places()
    async with stack.worker([places.tool]):
        await stack.declare(name, **APART, limits={"parallel": parallel})
        runs = []
        for number in range(6):
            runs.append(await stack.start(name, f"{name}-{number}", input={"n": number}))
            await until(stack, name, lambda state, n=number: len(state.ledger) == n + 1)
        state = await until(stack, name, waiting(6 - parallel))
        places.open.set()
        results = await asyncio.gather(*(run.result() for run in runs))
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert places.most == parallel
    # Of two at work either may be quicker; one at a time go as they came.
    arrived = [run.id for run in runs]
    assert sorted(places.began) == arrived
    assert parallel > 1 or places.began == arrived
    reasons = [entry.reason for entry in state.ledger.values()]
    assert reasons[parallel].startswith(f"limits.parallel is {parallel}: {parallel} at work")


async def test_place_of_a_terminated_run_is_given_to_the_next(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was ended by force takes up no room for good."""
    look_often(monkeypatch)
    name, places = stack.name("review"), Places()
    async with stack.worker([places.tool]):
        await stack.declare(name, **APART, limits={"parallel": 1})
        first = await stack.start(name, f"{name}-0", input={"n": 0})
        await until(stack, name, working(1))
        second = await stack.start(name, f"{name}-1", input={"n": 1})
        await until(stack, name, waiting(1))
        await first.terminate("by force")
        places.open.set()
        result = await second.result()
    assert result.status is RunStatus.SUCCEEDED
