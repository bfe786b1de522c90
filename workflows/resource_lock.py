"""`ResourceLock`: one resource that one run at a time may use, across all agents.

All rules are in `rota.coordination.lock_rules`. This workflow applies them one message at a time,
which is what makes them atomic, tells the next run that its turn has come, and takes the lease
from a holder that is gone.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.coordination import lock_rules
    from rota.coordination.locks import LockAnswer, LockRequest, LockState
    from rota.ids import LOCK_PREFIX, format_slot
    from rota.run_ref import ClosedRun, RunRef
    from workflows.activity_options import RECLAIM_INTERVAL
    from workflows.cancel_requests import CancelRequests
    from workflows.look import Look

AT_ONCE = 50
"""Refusals told in one go; the next grant waits for them."""
SHOWN = 10
"""Waiting runs that the details name."""


@workflow.defn(name="ResourceLock")
class ResourceLockWorkflow:
    """One lock; its name is in the workflow id, `lock:<name>`.

    Messages: updates `acquire`, `release`, both idempotent by the run's key; query `state`;
    sends the signal `lock_granted` to the run whose turn has come, or whose wait is over.
    Continue-As-New: when the server suggests it; carries the lease and the queue. Ended by
    hand it forgets both; whoever asks next starts it anew, with larger fencing numbers.
    Cancellation: ignored, see `workflows.cancel_requests`.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: LockState | None = None) -> None:
        name = workflow.info().workflow_id.removeprefix(LOCK_PREFIX)
        self._state = state or LockState(name=name)
        self._work = bool(self._state.queue)
        self._refusals: list[LockAnswer] = []
        """For runs whose wait is over, to be told."""
        # What the execution before this one had looked at is not known: look again soon.
        self._looked_at: datetime = workflow.now() - RECLAIM_INTERVAL
        self._look = Look(self._reclaim, with_use=False)
        self._cancels = CancelRequests()

    @workflow.run
    async def run(self, state: LockState | None = None) -> None:
        """Serve messages for ever."""
        await self._cancels.outlive(self._serve(), self._show)

    async def _serve(self) -> None:
        while True:
            await self._next_work()
            self._work = False
            self._look_after_holder()
            await self._hand_on()
            await self._refuse()
            self._show()
            if self._should_continue() and not self._refusals:
                await self._look.stop()
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._state)

    @workflow.update(description="A run asks for the lock, or for a place in its queue.")
    def acquire(self, request: LockRequest) -> LockAnswer:
        """Grant the lock or a place; asking again changes nothing."""
        self._state, answer = lock_rules.acquire(self._state, request, workflow.now())
        self._work = self._work or not answer.granted
        self._show()
        return answer

    @workflow.update(description="A run gives the lock back, or leaves its queue.")
    def release(self, run: RunRef) -> None:
        """Take the run out of the lock; repeating it changes nothing."""
        self._state = lock_rules.release(self._state, run)
        self._work = self._work or bool(self._state.queue)
        self._show()

    @workflow.query(description="The whole state: lease, queue, fencing number.")
    def state(self) -> LockState:
        """Everything the lock knows."""
        return self._state

    async def _next_work(self) -> None:
        """Wait for a message that changed something, or until there is something to do.

        That is when a run's wait ends, or when the holder is to be looked after.
        """
        ends = lock_rules.next_end(self._state), self._look_due()
        end = min((end for end in ends if end is not None), default=None)
        try:
            await workflow.wait_condition(
                lambda: self._work or bool(self._refusals) or self._should_continue(),
                timeout=None if end is None else max(end - workflow.now(), timedelta(0)),
                timeout_summary="a run's wait ends, or it is time to look after the holder",
            )
        except TimeoutError:
            return

    async def _hand_on(self) -> None:
        """Grant the lock to the first in the queue that is still there."""
        while True:
            now = workflow.now()
            self._state, refusals = lock_rules.turn_away(self._state, now)
            self._refusals.extend(refusals)
            self._state, granted = lock_rules.grant_next(self._state, now)
            if granted is None:
                return
            self._show()
            if not await self._told(granted):
                # Gone while it waited: on to the next one.
                self._state = lock_rules.reclaim(self._state, granted.run)

    async def _refuse(self) -> None:
        """Tell some of those whose wait is over; they have long stopped waiting if lost."""
        batch, self._refusals = self._refusals[:AT_ONCE], self._refusals[AT_ONCE:]
        await asyncio.gather(*map(self._told, batch))

    async def _told(self, answer: LockAnswer) -> bool:
        """Signal a run; False if it is gone."""
        waiter = workflow.get_external_workflow_handle(answer.run.id)
        try:
            await waiter.signal("lock_granted", answer)
        except ApplicationError:
            return False
        return True

    def _look_due(self) -> datetime | None:
        """When to look whether the holder still lives; None if nobody waits to know."""
        lease = self._state.lease
        if lease is None or not self._state.queue or self._look.is_under_way:
            return None
        # A lease that is given back soon costs no look at all.
        return max(lease.since, self._looked_at) + RECLAIM_INTERVAL

    def _look_after_holder(self) -> None:
        due, lease = self._look_due(), self._state.lease
        if due is not None and lease is not None and due <= workflow.now():
            self._looked_at = workflow.now()
            self._look.after([lease.run])

    def _reclaim(self, gone: Sequence[ClosedRun]) -> None:
        for run in gone:
            self._state = lock_rules.reclaim(self._state, run.ref)
        self._work = True

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _show(self) -> None:
        state = self._state
        lines = ["**free**"]
        if state.lease is not None:
            since = format_slot(state.lease.since)
            fence = state.lease.fence
            lines = [f"**held by {state.lease.run.id}** since {since}, fencing number {fence}"]
        if state.queue:
            names = [waiting.request.run.id for waiting in state.queue[:SHOWN]]
            more = ", …" if len(state.queue) > SHOWN else ""
            lines.append(f"{len(state.queue)} waiting: {', '.join(names)}{more}")
        workflow.set_current_details("\n\n".join([*lines, *self._cancels.notice]))
