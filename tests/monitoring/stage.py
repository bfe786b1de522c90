"""A fleet in which everything goes wrong that soon can, with a real worker.

What boards show and alerts look at must have happened: a query for errors that there never were
proves nothing.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowFailureError

from rota.runs import RunStatus
from tests.approving import decide, open_approvals
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import poll
from tests.workflows.money import PRICE, priced, turn
from tests.workflows.standing import Run, waits

TOOLS = """
import pathlib
from rota.tools import tool

TRIED = pathlib.Path(__file__).parent / "tried"

@tool(name="ledger.post", effect="write")
def post(amount: int) -> str:
    \"\"\"Post an amount.\"\"\"
    return f"posted {amount}"

@tool(name="ledger.lose", effect="write")
def lose() -> str:
    \"\"\"Lose the line, so that nobody knows whether it was posted.\"\"\"
    raise ConnectionError("lost in the middle")

@tool(name="ledger.look")
def look() -> str:
    \"\"\"Fail at every other attempt.\"\"\"
    if TRIED.exists():
        TRIED.unlink()
        return "seen"
    TRIED.touch()
    raise ConnectionError("the ledger is away")
"""

DONE = {"result": "done"}
POSTING = {
    "runtime": script({"calls": [{"tool": "ledger.post", "args": {"amount": 1}}]}, DONE),
    "tools": ["ledger.post"],
    "approvals": {"ledger.post": "always"},
    "session": {"concurrency": "parallel"},
}
QUICK = {"attempts": 2, "backoff": "100ms", "max_backoff": "100ms"}
STUBBORN = {"retry": {**QUICK, "attempts": 8}, "session": {"concurrency": "parallel"}}
FAILING = script({"calls": [{"tool": "no.such_tool"}] * 6})


def unreachable(port: int) -> dict[str, Any]:
    """A provider at a port where nobody listens; whatever is in the variable will do for a key."""
    address = f"http://127.0.0.1:{port}"
    settings = {"model": "none", "base_url": address, "api_key": "env:PATH", "price": PRICE}
    return {"kind": "openai", **settings}


CALLED = "the agent that is called"
ENOUGH = 10
"""Runs of one agent that say something about how often it fails."""

AGENTS: dict[str, dict[str, Any]] = {
    "punctual": {"runtime": script(DONE), "schedule": {"every": "1s"}},
    "paused": {"runtime": script(DONE), "schedule": {"every": "1h"}},
    "caller": {
        "team": "desk",
        "runtime": priced({"calls": [{"tool": f"agents.{CALLED}"}]}, turn(900, **DONE)),
        "tools": [f"agents.{CALLED}"],
        "budget": {"day_usd": 5, "month_tokens": 1_000_000},
    },
    "called": {"runtime": script(DONE)},
    "asking": POSTING,
    "undecided": POSTING,
    "failing": {"runtime": FAILING},
    "hopeless": {
        "runtime": FAILING,
        "schedule": {"every": "1s"},
        "session": {"concurrency": "parallel"},
    },
    "doubtful": {
        "runtime": script({"calls": [{"tool": "ledger.lose"}]}, DONE),
        "tools": ["ledger.lose"],
        "retry": QUICK,
        "session": {"concurrency": "parallel"},
    },
    "lavish": {"runtime": priced(turn(2000, **DONE)), "budget": {"month_usd": 0.0043}},
    "poor": {
        "runtime": priced(turn(2000, **DONE)),
        "budget": {"month_usd": 0.00215},
        "session": {"concurrency": "parallel"},
    },
    "retrying": {
        "runtime": script({"calls": [{"tool": "ledger.look"}]}, DONE),
        "tools": ["ledger.look"],
        "retry": QUICK,
    },
    "spender": {
        "runtime": priced(turn(2000, **DONE)),
        "budget": {"run_tokens": 10},
        "session": {"concurrency": "parallel"},
    },
    # Not often enough to open the breaker of its account; the two others do.
    "away": {"runtime": unreachable(1), "retry": QUICK},
    "broken": {"runtime": unreachable(2), **STUBBORN},
    "shattered": {"runtime": unreachable(3), **STUBBORN},
    "locked": {
        "runtime": {
            "kind": "anthropic",
            "model": "claude-haiku-4-5",
            "api_key": "env:ROTA_NO_SUCH_KEY",
        }
    },
    "slow": {
        "runtime": script({**DONE, "seconds": 30}),
        "budget": {"wall_clock": "1s"},
        "session": {"concurrency": "skip"},
    },
    "stuck": {
        "runtime": script({**DONE, "seconds": 300}),
        "schedule": {"every": "1s"},
        "sla": {"finish_by": "1s", "stuck_after": "1s"},
    },
}
TEAM = {"kind": "Team", "name": "desk", "budget": {"day_usd": 10, "day_tokens": 1_000_000}}


@dataclass
class Stage:
    """The fleet, in files and applied."""

    stack: Stack
    rounds: int = 0
    """How often everything has gone wrong."""

    @property
    def fleet(self) -> str:
        """Its name."""
        return self.stack.name("fleet")

    def write(self) -> None:
        """Write its files."""
        stack = self.stack
        for folder in ("agents", "teams"):
            (stack.folder / folder).mkdir()
        for name, declaration in AGENTS.items():
            text = json.dumps({**declaration, "name": stack.name(name)})  # JSON is YAML, too
            text = text.replace(CALLED, stack.name("called"))
            (stack.folder / "agents" / f"{name}.yaml").write_text(text)
        (stack.folder / "teams" / "desk.yaml").write_text(json.dumps(TEAM))
        (stack.folder / "tools.py").write_text(TOOLS)
        fleet = {"name": self.fleet, "watchdog": {"every": "1h"}}
        (stack.folder / "fleet.yaml").write_text(json.dumps(fleet))

    async def rota(self, *arguments: str) -> Ended:
        """Run a command against this fleet."""
        stack = self.stack
        return await rota(
            *arguments,
            *("--fleet", str(stack.folder), "--address", stack.address),
            *("--store", stack.store.address, "--task-queue", stack.task_queue),
        )

    async def apply(self) -> None:
        """Put it in force, and have somebody pause one schedule by hand."""
        ended = await self.rota("apply")
        assert ended.code == 0, ended.err
        await self.stack.client.get_schedule_handle(self.stack.name("paused")).pause()

    async def check(self, *amiss: str) -> None:
        """Have the Watchdog check until it has found these."""

        async def found() -> bool | None:
            told = (await self.rota("watchdog", "--now", "--json")).json
            return {each["kind"] for each in told["open"]} >= set(amiss) or None

        await poll(found)

    async def go_wrong(self) -> None:
        """Have each trouble once more."""
        self.rounds += 1
        await asyncio.gather(
            *map(self._ends, ("caller", "failing", "lavish", "retrying", "away", "locked")),
            self._ends("slow"),
            self._ends("slow", 1),
            self._decided("approve"),
            self._decided("deny", 1),
            self._stands_still(),
            self._is_wedged(),
        )

    async def _start(self, agent: str, nth: int = 0) -> Run:
        name = self.stack.name(agent)
        return await self.stack.start(name, f"{name}-{self.rounds}-{nth}", by="pat")

    async def _ends(self, agent: str, nth: int = 0) -> None:
        with suppress(WorkflowFailureError):
            await (await self._start(agent, nth)).result()

    async def _decided(self, verdict: str, nth: int = 0) -> None:
        handle = await self._start("asking", nth)
        [pending] = await open_approvals(handle)
        await decide(handle, pending, verdict)
        await handle.result()

    async def _stands_still(self) -> None:
        """For money, for a decision that nobody takes, for somebody's word, for a provider."""
        for agent in ("broken", "shattered"):
            await self._start(agent)
        if self.rounds == 1:
            await self._ends("poor", 1)
        else:
            for nth in range(ENOUGH):
                await self._start("hopeless", nth)
        for agent in ("spender", "poor", "doubtful"):
            await waits(await self._start(agent), RunStatus.PARKED)
        await open_approvals(await self._start("undecided"))

    async def _is_wedged(self) -> None:
        """Its workflow tasks fail, since the workers do not know the type."""
        stack = self.stack
        id = stack.name(f"wedged-{self.rounds}")
        await stack.client.start_workflow("NobodyKnowsThis", id=id, task_queue=stack.task_queue)
