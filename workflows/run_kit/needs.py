"""A run's wait for other agents' results, and for the clock."""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from rota.coordination.needing import (
        Ask,
        Listen,
        Met,
        NeedProgress,
        Pause,
        begin,
        next_move,
        opening,
    )
    from rota.coordination.needing import overtaken as overtaken_by
    from rota.coordination.spec import NeedSpec
    from rota.coordination.upstream import NeedAnswer, NeedRequest, UpstreamRun
    from rota.ids import format_slot
    from rota.pinned_spec import PinnedSpec
    from rota.turns.loop import Finish
    from rota.turns.outcome import RunOrigin
    from workflows.run_kit import desk
    from workflows.run_kit.standing import Standing


class UnmetError(Exception):
    """A need will not be met; says how the run closes."""

    def __init__(self, finish: Finish) -> None:
        super().__init__(finish.reason)
        self.finish = finish


class Needs:
    """What one run needs of other agents. Create it first thing in the workflow's `run`.

    Messages: signal `upstream_settled`, from the keepers it asked.
    """

    def __init__(self, origin: RunOrigin, standing: Standing) -> None:
        self._origin = origin
        self._standing = standing
        self._words: dict[str, NeedAnswer] = {}
        """The keepers' words that nobody has read yet, by agent."""
        workflow.set_signal_handler("upstream_settled", self._on_upstream_settled)

    async def meet(self, spec: PinnedSpec) -> dict[str, UpstreamRun] | Finish:
        """Wait for every need, all at once, then for the clock.

        Returns:
            The run that met each need, by agent; or how this run closes without one.

        Raises:
            ActivityError: an agent that is needed is not declared.
        """
        slot = self._origin.slot or workflow.info().workflow_start_time.replace(microsecond=0)
        waits = [asyncio.create_task(self._meet(need, spec, slot)) for need in spec.needs]
        try:
            met = await asyncio.gather(*waits)
        except UnmetError as unmet:
            await _ended(waits)
            return unmet.finish
        except (asyncio.CancelledError, FailureError):
            await _ended(waits)
            raise
        await self._pass_gate(spec, slot)
        return {need.agent: run for need, run in zip(spec.needs, met, strict=True)}

    async def _meet(self, need: NeedSpec, spec: PinnedSpec, slot: datetime) -> UpstreamRun:
        progress = begin(need, slot, spec.timezone, self._origin.bound)
        while True:
            move = next_move(progress, workflow.now())
            if isinstance(move, Met):
                return move.run
            if isinstance(move, Finish):
                raise UnmetError(move)
            if isinstance(move, Ask):
                progress = await self._ask(progress, move, slot)
            else:
                progress = await self._wait(progress, move)

    async def _ask(self, progress: NeedProgress, ask: Ask, slot: datetime) -> NeedProgress:
        agent = progress.need.agent
        self._words.pop(agent, None)
        request = NeedRequest(
            waiter=self._origin.run,
            slot=slot,
            within_seconds=progress.need.within.total_seconds(),
            rerun_of=ask.rerun_of,
            last_call=ask.last_call,
        )
        answer = await desk.ask_need(agent, request)
        progress = progress.asked(ask, answer, workflow.now())
        word = self._words.pop(agent, None)
        if word is not None and overtaken_by(answer, word):
            progress = progress.heard(word, workflow.now())
        return progress

    async def _wait(self, progress: NeedProgress, move: Listen | Pause) -> NeedProgress:
        agent = progress.need.agent
        text = progress.text
        if isinstance(move, Pause):
            text += f", to be run again at {format_slot(move.until)}"
        await self._standing.wait(agent, text, lambda: agent in self._words, move.until)
        word = self._words.pop(agent, None)
        return progress.heard(word, workflow.now()) if word else progress

    async def _pass_gate(self, spec: PinnedSpec, slot: datetime) -> None:
        opens = opening(spec.needs, slot, spec.timezone)
        if opens is None:
            return
        # Beyond its bound the run has no time to work in any case.
        until = min(opens, self._origin.bound) if self._origin.bound else opens
        text = f"{format_slot(opens)} (not_before)"
        await self._standing.wait("clock", text, lambda: False, until)

    def _on_upstream_settled(self, answer: NeedAnswer) -> None:
        # The workflow id may have been used before: a word for an older run is not ours.
        if answer.waiter.key == self._origin.run.key:
            self._words[answer.upstream] = answer


async def _ended(waits: list["asyncio.Task[UpstreamRun]"]) -> None:
    """End what is left of the waits: with one that will not be met the others are over."""
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
