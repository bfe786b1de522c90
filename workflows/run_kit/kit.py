"""A run's building blocks, bound to the workflow execution that uses them.

`AgentRun` is built from these, and so may be a team's own workflow class: admit, get ready,
think, run tools, settle. Each method is one step of the life of a run and leaves the kit's
state (`loop`, `admission`) ready for the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from rota.admission import Admission, Decision
    from rota.checkpoint import RunArgument, RunCheckpoint
    from rota.limits import Limits
    from rota.loop import Compact, Finish, LoopState, RunTools, Think, TurnOutcome
    from rota.outcome import (
        conversation_of,
        provider_of,
        result_of,
        runtime_of,
        unstopped_of,
    )
    from rota.runs import AgentRunResult, RunStatus
    from rota.runtime_kind import Shape
    from rota.usage import Usage
    from workflows.run_kit import desk, fallback, steps, visibility
    from workflows.run_kit.approvals import Approvals
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.effects import Effects
    from workflows.run_kit.entry import Entry, closed_at_entry
    from workflows.run_kit.locks import Locks
    from workflows.run_kit.needs import Needs
    from workflows.run_kit.origin import read_origin
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.sessions import Sessions
    from workflows.run_kit.standing import Standing
    from workflows.run_kit.tool_calls import run_tools
    from workflows.run_kit.work import RunWork


class RunKit:
    """One run in progress. Create it first thing in the workflow's `run`."""

    def __init__(self, input: RunArgument) -> None:
        checkpoint = input.checkpoint
        self.input = input
        self._origin = read_origin(input)
        self._standing = Standing(self._origin)
        admitted = checkpoint.admitted if checkpoint else None
        self._entry = Entry("Agent", self._origin, self._standing, admitted)
        self._standing.telling.knows(lambda: self._admission)
        self._needs = Needs(self._origin, self._standing)
        self._locks = Locks(self._origin, self._standing, checkpoint.fences if checkpoint else {})
        self.loop = checkpoint.loop if checkpoint else LoopState()
        deadline = checkpoint.deadline if checkpoint else None
        self.clock = RunClock(deadline, self._origin.bound)
        """Stands still while the run waits for a person."""
        asked = checkpoint.asked if checkpoint else 0
        self.questions = Questions(self._origin, self._standing, self.clock, asked)
        self.effects = Effects(self._origin, self._standing, self.clock)
        self.approvals = Approvals(
            self._origin,
            self._standing,
            self.clock,
            checkpoint.approvals if checkpoint else 0,
            checkpoint.rulings if checkpoint else (),
        )
        self._sessions = Sessions(self, self._standing)
        workflow.set_query_handler("status", self._describe)

    @property
    def admission(self) -> Admission:
        """The keeper's answer; only after `admit`."""
        if self._entry.admitted is None:
            raise RuntimeError("admit the run first")
        return self._entry.admitted.admission

    @property
    def limits(self) -> Limits:
        """What the run may consume; only after `get_ready` said go."""
        spec = self.admission.spec
        return Limits(
            turns=spec.max_turns,
            tokens=spec.run_tokens,
            cost_micros=spec.run_micros,
            deadline=self.clock.deadline,
            compacting=self._must_compact(),
            repairs=self._entry.admitted is None or self._entry.admitted.converses,
            lent=self.clock.lent,
        )

    @property
    def late(self) -> str:
        """Why the run ends in any case, once its time is up; empty before."""
        return self.limits.time_is_up if self.clock.is_over else ""

    @property
    def work(self) -> RunWork:
        """What the next step is told; only after `get_ready` said go."""
        if self._entry.admitted is None or not self.clock.has_started:
            raise RuntimeError("admit the run and get it ready first")
        return RunWork(self._origin, self._entry.admitted, self.loop, self.clock)

    async def admit(self) -> Finish | None:
        """Ask the keeper; wait for the session, or for the run that has the same key.

        Returns:
            None if the run may work, else how it closes; see `Entry.enter`.
        """
        return await self._entry.enter(self.input.input)

    async def get_ready(self) -> Finish | None:
        """Wait for what the run needs, for the clock and for its locks; then its time begins.

        Asks MCP servers for their tools, if the agent names any.

        Returns:
            None if the run can work now, else how it closes.
        """
        if self.clock.has_started:
            # Continued as new: what it needed is in its context, its locks are held.
            return None
        spec = self.admission.spec
        if spec.needs or spec.locks:
            finish = await self._wait_for_others()
            if finish is not None:
                return finish
        self.clock.start(timedelta(seconds=spec.wall_clock_seconds))
        if spec.mcp:
            listed = await steps.list_tools(self.work)
            self.loop = self.loop.model_copy(update={"pins": listed.pins})
        return None

    async def think(self, step: Think) -> None:
        """Take one turn: of the model, or of the session that works by itself.

        If the runtime cannot answer, the next one takes over for the rest of the run; if its
        breaker is open and there is no other, the run waits.
        """
        if self.work.admitted.shape is Shape.SESSION:
            outcome = await self._answered(step, lambda _: self._sessions.think(step))
        else:
            outcome = await self._answered(step, lambda round: steps.think(self.work, step, round))
        self.loop = self.loop.after_turn(outcome)

    async def compact(self, step: Compact) -> None:
        """Sum up the conversation that the run is to begin with; as a turn, but not counted."""
        outcome = await self._answered(step, lambda round: steps.compact(self.work, round))
        self.loop = self.loop.after_compaction(outcome)

    async def run_tools(self, step: RunTools) -> None:
        """Execute all open calls at once; results keep the order of the calls."""
        self.loop = self.loop.after_tools(
            await run_tools(self.work, step.calls, self)
        )

    async def settle(self, finish: Finish) -> AgentRunResult:
        """Stop what still works, report the end, publish the events, give back the locks.

        Safe to repeat.

        Locks are given back on every path, and last: whoever gets one next finds this run's
        effects recorded and told.
        """
        self._standing.status = finish.status
        try:
            await self._sessions.stop()
            result = await self._report(finish)
            visibility.show_result(result)
            await desk.announce(self._origin, result.events)
        except (asyncio.CancelledError, FailureError):
            await self._locks.release()
            raise
        # Not `finally`: a run that is dropped from memory has no workflow to do it in.
        await self._locks.release()
        await self._standing.telling.ended(result.status, result.reason, result.links)
        return result

    def continuation(self) -> RunArgument | None:
        """What to continue as new with, or None while history has room."""
        if self._entry.admitted is None or not self.clock.has_started:
            return None
        if not workflow.info().is_continue_as_new_suggested():
            return None
        checkpoint = RunCheckpoint(
            admitted=self._entry.admitted,
            loop=self.loop,
            deadline=self.clock.deadline,
            fences=self._locks.fences,
            asked=self.questions.asked,
            approvals=self.approvals.asked,
            rulings=self.approvals.rulings,
        )
        return self.input.model_copy(update={"checkpoint": checkpoint})

    async def _answered(
        self, step: Think | Compact, ask: Callable[[int], Awaitable[TurnOutcome]]
    ) -> TurnOutcome:
        """Ask until somebody answers; `ask` takes how often that was tried before."""
        round = 0
        while True:
            try:
                return await ask(round)
            except ActivityError as error:
                self.loop = await fallback.go_on(error, self.work, self._standing, round)
                visibility.show_step(step, self.admission, self.loop)
                round += 1

    def _must_compact(self) -> bool:
        """True if the run begins with a conversation that is too long to go on with."""
        admitted = self._entry.admitted
        if admitted is None or admitted.admission.conversation is None:
            return False
        # A session's conversation is its provider's to keep short.
        too_long = admitted.admission.conversation.tokens > admitted.admission.spec.compact_above
        return too_long and admitted.shape is Shape.MODEL

    async def _wait_for_others(self) -> Finish | None:
        admission = self.admission
        met = await self._needs.meet(admission.spec)
        if isinstance(met, Finish):
            return met
        finish = await self._locks.acquire(admission.spec)
        if finish is not None:
            return finish
        self._standing.resume()
        # The keeper's answer again, now with what came since in the run's context.
        prepared = await desk.prepare(admission, met, self._locks.fences)
        self._entry.admitted = prepared
        return closed_at_entry(prepared)

    async def _report(self, finish: Finish) -> AgentRunResult:
        """Tell the keeper how the run ended: memory, usage, events, lease."""
        result = self._result(finish)
        if self._closed_by_keeper(finish):
            return result
        # Also without an answer to the admission: it may have been given and not heard.
        succeeded = finish.status is RunStatus.SUCCEEDED
        settled = await desk.report(
            self._origin,
            result,
            self.loop.patches if succeeded else (),
            unstopped_of(self._origin, self._admission, self.loop, workflow.now()),
            conversation_of(self._admission, self.loop),
            team=self._admission.spec.account_team if self._admission else "",
        )
        self._standing.telling.repeated = settled.repeated
        unknown = Usage(unknown_attempts=settled.unknown_attempts)
        self.loop = self.loop.model_copy(update={"usage": self.loop.usage.plus(unknown)})
        if settled.status not in (None, finish.status):
            # The ledger has another end, and has it for good: tell the same one.
            finish = finish.model_copy(
                update={
                    "status": settled.status,
                    "reason": settled.reason,
                    "category": settled.category,
                }
            )
        self._standing.status = finish.status
        return self._result(finish).model_copy(update={"memory": settled.memory})

    def _closed_by_keeper(self, finish: Finish) -> bool:
        """True if the keeper itself has turned the run away: it knows how it ended."""
        admitted = self._entry.admitted
        turned_away = admitted is not None and admitted.admission.decision is Decision.SKIP
        return turned_away and finish.status is RunStatus.SKIPPED

    def _result(self, finish: Finish) -> AgentRunResult:
        result = result_of(self._origin, self._admission, self.loop, finish, workflow.now())
        return result.model_copy(update={"approvals": self.approvals.told})

    @property
    def _admission(self) -> Admission | None:
        """The keeper's answer, if there was one."""
        return self._entry.admitted.admission if self._entry.admitted else None

    def _describe(self) -> dict[str, object]:
        calls = [call.name for call in self.loop.calls]
        return {
            "status": self._standing.status.value,
            "turn": self.loop.turn,
            "tool_calls": self.loop.tool_calls,
            "tokens": self.loop.usage.tokens,
            "usage": self.loop.usage.model_dump(mode="json"),
            "runtime": runtime_of(self._admission, self.loop),
            "fallback": self.loop.runtime,
            "provider": provider_of(self.loop),
            "links": self.loop.links,
            "waiting_for": [*self._standing.waiting_for, *calls],
            "questions": self.questions.open,
            "effects": self.effects.open,
            "approvals": self.approvals.open,
        }
