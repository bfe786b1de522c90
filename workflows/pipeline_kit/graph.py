"""A pipeline's graph at work: does what `rota.pipelines.rules` say, waits, asks again."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import PipelineDesk
    from rota.pipelines.ends import run_ended
    from rota.pipelines.inputs import Given, with_read
    from rota.pipelines.moves import Moves
    from rota.pipelines.plan import Plan
    from rota.pipelines.report import node_reports, table
    from rota.pipelines.rules import MOST_STARTS, advance, stop
    from rota.pipelines.state import DagState
    from rota.pipelines.steps import LoadedOutputs, LoadOutputsInput, StoreOutcomeInput
    from rota.runs import RunStatus
    from rota.turns.calls import AnswerRef
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage
    from workflows.activity_options import DESK_PATIENCE, load_options, outcome_options
    from workflows.pipeline_kit.children import Children
    from workflows.pipeline_kit.money import NodeMoney
    from workflows.run_kit import visibility
    from workflows.run_kit.standing import Standing

DRAIN_FACTOR = 4
"""How much longer than the server first suggests the history may grow before nothing new is
started: 4 x 4,096 events are a third of what the server bears, and room for some 1,600 runs.
Until then a run continues as new if it happens to have nothing at work."""


class Graph:
    """One run's nodes."""

    def __init__(
        self,
        origin: RunOrigin,
        standing: Standing,
        plan: Plan,
        state: DagState,
        given: Given,
        money: NodeMoney,
    ) -> None:
        self.plan = plan
        self.state = state
        self.cancelled: BaseException | None = None
        """The request to cancel, if one came while it worked."""
        self._standing = standing
        self._given = given
        self._money = money
        self._children = Children(origin)
        self._bound = origin.bound
        self._suggested_at: int | None = None
        self._draining = False
        self._is_short = False
        """Nothing is left to spend for a further run."""
        self._alarm: tuple[datetime, asyncio.Task[None]] | None = None

    async def work(self) -> bool:
        """Work until every node has ended, or it is time to continue as new.

        A request to cancel ends what is at work, and waits for it.

        Returns:
            True if every node has ended; False if nothing is at work and the run should
            continue as new with `state`.
        """
        while True:
            moves = self._move()
            if moves is None:
                self._set_alarm(None)
                # The next execution begins as running, and says so if it is not.
                self._standing.resume()
                return False
            if moves.finished:
                self._set_alarm(None)
                return True
            if moves.loads:
                await self._or_stop(self._load(moves.loads))
            elif moves.more and self._is_short and not len(self._children):
                self._set_alarm(None)
                await self._or_stop(self._find_room())
            else:
                await self._or_stop(self._wait(moves))

    async def outcome(self) -> AnswerRef:
        """Store what the nodes came to, each under its name; what has no result is left out.

        Raises:
            FailureError: it could not be stored for some minutes, or never can be.
        """
        ends = node_reports(self.plan, self.state)
        stored = await workflow.execute_local_activity_method(
            PipelineDesk.store_outcome,
            StoreOutcomeInput(
                outputs={name: end.output for name, end in ends.items() if end.output is not None},
                digests={
                    name: end.output_digest
                    for name, end in ends.items()
                    if end.output is None and end.output_digest is not None
                },
            ),
            summary="store what the nodes came to",
            **outcome_options(),
        )
        return stored.answer

    def _move(self) -> Moves | None:
        """Take in what has ended, then start and cancel; None to continue as new."""
        now = workflow.now()
        for (node, index), result in self._children.ended():
            used = self.state.used.plus(self._money.returned((node, index), result))
            self.state = self.state.model_copy(update={"used": used})
            self.state = run_ended(self.plan, self.state, node, index, result, now)
        room = self._room()
        self._is_short = bool(self._money.used_up(self.state.used))
        if not self._is_short:
            self._money.goes_on()
        may_start = 0 if self._is_short else room or 0
        self.state, moves = advance(self.plan, self.state, self._given, now, room=may_start)
        if room is None and not moves.finished:
            return None
        for cancel in moves.cancels:
            place = self.state.node(cancel.node).places[cancel.index]
            reason = place.cancelled_as.reason if place.cancelled_as else ""
            self._children.cancel((cancel.node, cancel.index), reason)
        parts = self._money.lend([(start.node, start.index) for start in moves.starts], self.state)
        for start in moves.starts:
            spec, limits = self.plan.nodes[start.node], self.plan.deadlines
            bounds = [at for at in (limits.get(start.node), self.plan.deadline) if at]
            bound = min(bounds, default=None)
            self._children.start(
                start, spec.agent, bound, tainted=self.state.tainted, allowance=next(parts)
            )
        workflow.set_current_details(table(self.plan, self.state))
        return moves

    def _room(self) -> int | None:
        """How many runs may start now; None to continue as new."""
        info = workflow.info()
        if info.is_continue_as_new_suggested():
            if not len(self._children):
                return None
            length = info.get_current_history_length()
            self._suggested_at = self._suggested_at or length
            self._draining = length >= DRAIN_FACTOR * self._suggested_at
        # The next batch once this one is confirmed, so that no workflow task grows.
        return 0 if self._draining or self._children.starting else MOST_STARTS

    def _may_start_more(self, moves: Moves) -> bool:
        busy = self._draining or self._children.starting or self._is_short
        return moves.more and not busy

    async def _find_room(self) -> None:
        """Nothing is left for the nodes that are due: wait for more, or end as declared."""
        begun = self.state.used != Usage()
        end, stood = await self._money.find_room(self.state.used, begun=begun)
        if end is not None:
            self.state = stop(self.state, end.status, end.reason, end.category)
        elif stood and self.plan.deadline is not None:
            # What it stood still is none of its time, but of that of whatever started it; gates
            # of the clock stay where they are.
            deadline = min(filter(None, (self.plan.deadline + stood, self._bound)))
            self.plan = replace(self.plan, deadline=deadline)

    async def _wait(self, moves: Moves) -> None:
        self._set_alarm(moves.wake)
        self._children.news = False
        if len(self._children):
            self._standing.resume()
        elif self._standing.status is RunStatus.RUNNING:
            # Nothing is at work until a gate opens or a pause is over.
            self._standing.status = RunStatus.WAITING
            visibility.show_status(RunStatus.WAITING)
        await workflow.wait_condition(
            lambda: self._children.news or self._rung() or self._may_start_more(moves)
        )

    def _set_alarm(self, at: datetime | None) -> None:
        """Keep one timer, for the next time that matters; two events each time it changes."""
        if self._alarm is not None:
            if self._alarm[0] == at and not self._alarm[1].done():
                return
            self._alarm[1].cancel()
            self._alarm = None
        if at is not None:
            pause = (at - workflow.now()).total_seconds()
            task = asyncio.create_task(workflow.sleep(pause, summary="next gate or deadline"))
            self._alarm = (at, task)

    def _rung(self) -> bool:
        return self._alarm is not None and self._alarm[1].done()

    async def _load(self, digests: tuple[str, ...]) -> None:
        deadline, now = self.plan.deadline, workflow.now()
        try:
            loaded = await workflow.execute_local_activity_method(
                PipelineDesk.load_outputs,
                LoadOutputsInput(digests=digests),
                summary=f"read {len(digests)} large results",
                **load_options(deadline - now if deadline else DESK_PATIENCE),
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            # Nothing at work is left behind: what names one of them fails, the rest goes on.
            why = f"it could not be read ({error.cause or error}): the worker's log says why"
            loaded = LoadedOutputs(refused=dict.fromkeys(digests, why))
        self._given = with_read(self._given, self.plan, self.state, loaded.values, loaded.refused)

    async def _or_stop(self, waiting: Awaitable[Any]) -> None:
        try:
            await waiting
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            self.cancelled = error
            self.state = stop(self.state, RunStatus.CANCELLED, "cancelled by request")
