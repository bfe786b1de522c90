"""What happens in the demo, in order. Every sentence printed is read off the system."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from activities.documents import get_json, get_memory
from rota.ids import keeper_id
from rota.keepers.state import KeeperState
from rota.runs import AgentRunResult, RunStatus
from workers.demo.runs import RunRow, active_step, list_runs, recovery_of
from workers.demo.stage import AGENT, SETTLEMENT, DemoError, Stage, apply, staged_fleet
from workers.demo.table import runs_table

T = TypeVar("T")
PATIENCE = timedelta(minutes=3)
"""Longest wait for anything; a demo that hangs helps nobody."""


@dataclass
class Story:
    """The demo's narrator."""

    stage: Stage
    console: Console
    model: str | None
    every: timedelta
    runs_wanted: int

    async def play(self) -> None:
        """Tell the whole story; returns when the last run has settled.

        Raises:
            DemoError: something did not come about in time, or a run did not succeed.
        """
        await apply(self.stage, staged_fleet(self.model, self.every))
        seconds = int(self.every.total_seconds())
        self._say(f"Watch it in the Temporal UI, too: {self.stage.server.ui}")
        self._say(
            f"Applied the fleet: [b]{AGENT}[/] fires every {seconds} s. Waiting for its slot."
        )
        first = await self._until(lambda: self._run(0), "the schedule to fire")
        self._say(f"The schedule fired: run [b]{first.id}[/].")
        killed_at = await self._kill_a_worker(first)
        result = await self._finished(0)
        await self._tell_recovery(first.id, killed_at)
        await self._tell_findings(result)
        for number in range(1, self.runs_wanted):
            self._say("Waiting for the next slot.")
            result = await self._finished(number)
            await self._tell_memory(result)
            await self._tell_findings(result)
        await self._tell_event()
        await self._tell_settlements()

    async def summary(self) -> None:
        """Print each run and the links."""
        rows = await list_runs(self.stage.client, AGENT)
        self.console.print()
        self.console.print(runs_table(rows, scripted=self.model is None))
        ui = f"{self.stage.server.ui}/namespaces/default"
        self.console.print(f"\nTemporal UI   {ui}/workflows", highlight=False)
        self.console.print(f"the schedule  {ui}/schedules/{AGENT}", highlight=False)
        for row in rows[:1]:
            run = f"{ui}/workflows/{row.id}"
            self.console.print(f"the first run {run}", highlight=False, soft_wrap=True)

    async def _kill_a_worker(self, run: RunRow) -> datetime:
        step = await self._until(lambda: self._second_turn(run.id), "the run to be in a turn")
        status: dict[str, Any] = await self.stage.client.get_workflow_handle(run.id).query("status")
        self.stage.kill_worker(step)
        turn = status["turn"] + 1
        self._say(f"[red]kill -9[/] of worker {step}, in the middle of turn {turn}.")
        return datetime.now(UTC)

    async def _second_turn(self, run_id: str) -> int | None:
        status: dict[str, Any] = await self.stage.client.get_workflow_handle(run_id).query("status")
        if status["turn"] < 1 or status["waiting_for"]:
            return None
        step = await active_step(self.stage.client, run_id)
        return step.worker_pid if step and step.name == "invoke_model" else None

    async def _tell_recovery(self, run_id: str, killed_at: datetime) -> None:
        recovery = await recovery_of(self.stage.client, run_id)
        if not recovery.repeated:
            self._say("It died between two steps: another worker took the next one.")
            self.stage.start_worker()
            return
        took = (recovery.repeated[0] - killed_at).total_seconds()
        self._say(
            f"Another worker went on after {took:.1f} s, at the same step: of {recovery.steps} "
            f"steps {len(recovery.repeated)} was taken again, the others were not repeated."
        )
        self.stage.start_worker()

    async def _tell_memory(self, result: AgentRunResult) -> None:
        version = await get_memory(self.stage.store, result.memory)
        if version is None or result.covers is None:
            raise DemoError("the run left no memory")
        imported = await self._imported(result)
        self._say(
            f"It remembered: memory version {version.version} {escape(str(version.document))}; "
            f"only what is new was imported ({imported} bank entries)."
        )

    async def _imported(self, result: AgentRunResult) -> int:
        output = await self._output(result)
        return int(output["counts"]["bank_entries"])

    async def _output(self, result: AgentRunResult) -> dict[str, Any]:
        if result.output_digest is None:
            raise DemoError(f"run {result.run_id} has no result")
        return await get_json(self.stage.store, result.output_digest)

    async def _tell_findings(self, result: AgentRunResult) -> None:
        output = await self._output(result)
        self._say(escape(" ".join(str(output["summary"]).split())))
        for item in output["discrepancies"][:3]:
            line = f"{item['kind']}: {item['entry_id']}, {item['explanation']}"
            self.console.print(f"    [yellow]!{escape(' ' + line)}[/]", highlight=False)

    async def _tell_event(self) -> None:
        keeper = self.stage.client.get_workflow_handle(keeper_id(AGENT))
        state = await keeper.query("state", result_type=KeeperState)
        for event in state.events[-1:]:
            self._say(f"Published: [b]{event.name}[/], {len(state.events)} times, once per run.")

    async def _tell_settlements(self) -> None:
        runs = await self._until(self._settled, "the settlements that the events start")
        corrections = [await self._output(run) for run in runs]
        count = sum(int(output["count"]) for output in corrections)
        self._say(
            f"[b]{SETTLEMENT}[/] has no clock: the events started it {len(runs)} times, once per "
            f"reconciliation that had found something. It proposed {count} corrections."
        )
        for item in [i for output in corrections for i in output["corrections"]][:3]:
            line = f"{item['action']}: {item['entry_id']}, {item['amount']}"
            self.console.print(f"    [green]+{escape(' ' + line)}[/]", highlight=False)

    async def _settled(self) -> list[AgentRunResult] | None:
        """The settlements' results, as soon as there is one for each event that asks for one."""
        reconciled = [row.result for row in await list_runs(self.stage.client, AGENT)]
        outputs = [await self._output(result) for result in reconciled if result is not None]
        wanted = sum(output["counts"]["discrepancies"] > 0 for output in outputs)
        results = [row.result for row in await list_runs(self.stage.client, SETTLEMENT)]
        ended = [result for result in results if result is not None]
        if len(ended) < wanted:
            return None
        for result in ended:
            if result.status is not RunStatus.SUCCEEDED:
                raise DemoError(f"run {result.run_id} is {result.status.value}: {result.reason}")
        return ended

    async def _run(self, number: int) -> RunRow | None:
        rows = await list_runs(self.stage.client, AGENT)
        return rows[number] if len(rows) > number else None

    async def _finished(self, number: int) -> AgentRunResult:
        async def settled() -> AgentRunResult | None:
            row = await self._run(number)
            return row.result if row else None

        result = await self._until(settled, f"run {number + 1} to end")
        if result.status is not RunStatus.SUCCEEDED:
            raise DemoError(f"run {result.run_id} is {result.status.value}: {result.reason}")
        return result

    async def _until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Look until there is something, showing the live table meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE.total_seconds()
        with Live(console=self.console, transient=True, auto_refresh=False) as live:
            while True:
                found = await look()
                if found is not None:
                    return found
                if loop.time() > deadline:
                    raise DemoError(f"waited {PATIENCE} for {what}; logs are in .rota/demo")
                if self.console.is_terminal:
                    rows = await list_runs(self.stage.client, AGENT)
                    live.update(runs_table(rows, scripted=self.model is None), refresh=True)
                # A viewer's pace: what is watched here has no event to wait for.
                await asyncio.sleep(0.25)

    def _say(self, text: str) -> None:
        self.console.print(f"[b]·[/] {text}", highlight=False)
