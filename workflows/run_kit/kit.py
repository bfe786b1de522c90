"""A run's building blocks, bound to the workflow execution that uses them.

`AgentRun` is built from these, and so may be a team's own workflow class: admit, get ready,
think, run tools, settle. Each method is one step of the life of a run and leaves the kit's
state (`loop`, `admission`) ready for the next.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from rota.approvals.requests import Ruling
    from rota.keepers.admission import Admission, Admitted
    from rota.metrics.call_tally import counting
    from rota.runs import AgentRunResult
    from rota.runtimes.kind import Shape
    from rota.turns.checkpoint import RunArgument, RunCheckpoint
    from rota.turns.limits import Limits
    from rota.turns.loop import (
        AskRoom,
        Compact,
        Finish,
        LoopState,
        Park,
        RunTools,
        Think,
        TurnOutcome,
    )
    from rota.turns.outcome import result_of
    from rota.usage import Usage
    from workflows.run_kit import desk, fallback, steps, visibility
    from workflows.run_kit.approvals import Approvals
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.describing import describe
    from workflows.run_kit.effects import Effects
    from workflows.run_kit.entry import Entry, closed_at_entry
    from workflows.run_kit.locks import Locks
    from workflows.run_kit.money import Money, needed_in
    from workflows.run_kit.needs import Needs
    from workflows.run_kit.origin import read_origin
    from workflows.run_kit.parking import Parking
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.sessions import Sessions
    from workflows.run_kit.settling import Settling
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
        self.telling = self._standing.telling
        self.telling.knows(lambda: self._admission)
        self.telling.resume(checkpoint.untold if checkpoint else ())
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
            self._count_ruling,
        )
        self.money = Money(self._origin, checkpoint.purse if checkpoint else None)
        self._parking = Parking(self._origin, self._standing, self.clock, self.money)
        self._sessions = Sessions(self, self._standing)
        self._settling = Settling(
            self, self._origin, self._standing, self._sessions, self._locks, self._result
        )
        workflow.set_query_handler("status", self._describe)

    @property
    def admitted(self) -> Admitted | None:
        """The keeper's newest answer, and what preflight found, if there was one."""
        return self._entry.admitted

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
            **self.money.limits(self.admission, self.loop),
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
        limits = self.limits
        soft = self.money.is_soft(self.admission, limits, self.loop)
        return RunWork(self._origin, self._entry.admitted, self.loop, self.clock, limits, soft)

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
        self.money.admitted(self.admission)
        self.clock.start(timedelta(seconds=spec.wall_clock_seconds))
        if spec.mcp:
            listed = await steps.list_tools(self.work)
            if isinstance(listed, Finish):
                return listed
            self.loop = self.loop.model_copy(update={"pins": listed.pins})
        return None

    async def find_room(self, step: AskRoom | Park) -> Finish | None:
        """Ask the accounts for more to spend, or stand still until there is more.

        Returns:
            None if there may be; what follows is decided anew. Else how the run closes.
        """
        if isinstance(step, AskRoom):
            await self.money.ask(self.admission, self.limits, self.loop, step.least)
            return None
        return await self._parking.stand(step, self.admission, lambda: self.limits, self.loop)

    def go_on(self) -> None:
        """Note that a step follows; an event if the run stood still."""
        self._parking.over()

    async def think(self, step: Think) -> None:
        """Take one turn: of the model, or of the session that works by itself.

        If the runtime cannot answer, the next one takes over for the rest of the run; if its
        breaker is open and there is no other, the run waits. If the turn might cost more than
        it may, nobody is asked, and the loop knows what it needs.
        """
        if self.work.admitted.shape is Shape.SESSION:
            outcome = await self._answered(step, lambda _: self._sessions.think(step))
        else:
            outcome = await self._answered(step, lambda round: steps.think(self.work, step, round))
        if outcome is not None:
            self.loop = self.loop.after_turn(outcome)

    async def compact(self, step: Compact) -> None:
        """Sum up the conversation that the run is to begin with; as a turn, but not counted."""
        outcome = await self._answered(step, lambda round: steps.compact(self.work, round))
        if outcome is not None:
            self.loop = self.loop.after_compaction(outcome)

    async def run_tools(self, step: RunTools) -> None:
        """Execute all open calls at once; results keep the order of the calls."""
        results = await run_tools(self.work, step.calls, self)
        self.loop = counting(self.loop, results).after_tools(results)

    def count_below(self, used: Usage) -> None:
        """Count what a run used that this one handed work to."""
        self.loop = self.loop.after_handoff(used)

    def _count_ruling(self, ruling: Ruling | None, waited: timedelta) -> None:
        tally = self.loop.tally.after_ruling(ruling, waited)
        self.loop = self.loop.model_copy(update={"tally": tally})

    async def settle(self, finish: Finish) -> AgentRunResult:
        """Stop what still works, report the end, publish the events; safe to repeat."""
        return await self._settling.settle(finish)

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
            purse=self.money.purse,
            approvals=self.approvals.asked,
            rulings=self.approvals.rulings,
            untold=self.telling.owed,
        )
        return self.input.model_copy(update={"checkpoint": checkpoint})

    async def _answered(
        self, step: Think | Compact, ask: Callable[[int], Awaitable[TurnOutcome]]
    ) -> TurnOutcome | None:
        """Ask until somebody answers; `ask` takes how often that was tried before.

        None: nobody was asked, since it might cost more than it may.
        """
        round = self.loop.rounds
        while True:
            try:
                return await ask(round)
            except ActivityError as error:
                needed = needed_in(error)
                if needed is not None:
                    self.loop = self.loop.after_refusal(needed, round + 1)
                    return None
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

    def _result(self, finish: Finish) -> AgentRunResult:
        result = result_of(self._origin, self._admission, self.loop, finish, workflow.now())
        return result.model_copy(update={"approvals": self.approvals.told})

    @property
    def _admission(self) -> Admission | None:
        """The keeper's answer, if there was one."""
        return self._entry.admitted.admission if self._entry.admitted else None

    def _describe(self) -> dict[str, object]:
        return describe(self, self._standing, self._admission)
