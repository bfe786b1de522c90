"""Runs that a keeper starts by itself: people order them, one by one or slots that are past."""

from abc import ABC, abstractmethod
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers import orders
    from rota.keepers.run_orders import Backfill, BackfillRequest
    from rota.keepers.state import KeeperState
    from workflows.activity_options import RECLAIM_INTERVAL
    from workflows.keeper_kit import outside
    from workflows.keeper_kit.refusals import refusing


class StartsOrders(ABC):
    """A keeper's part that starts what is ordered.

    Messages: update `backfill`, idempotent by the request's id.
    """

    _state: KeeperState
    _work: bool
    _start_again: datetime | None = None
    """After a start that failed: not before then."""

    @abstractmethod
    def _followed(self) -> None:
        """Note what a message has brought about; the loop carries it out."""

    @workflow.update(description="A person has past slots run (rota backfill).")
    def backfill(self, request: BackfillRequest) -> Backfill:
        """Order the runs; the same id again changes nothing and tells how far they are."""
        with refusing():
            self._state, backfill = orders.request_backfill(self._state, request, workflow.now())
        self._followed()
        return backfill

    async def _start_orders(self) -> None:
        """Start a batch of what is ordered and due; the rest in the next round."""
        spec, due = self._state.spec, orders.due_orders(self._state)
        if spec is None or not due:
            return
        if self._start_again is not None and workflow.now() < self._start_again:
            return
        started = await outside.start_runs(spec, due)
        if started is None:
            self._start_again = workflow.now() + RECLAIM_INTERVAL
            return
        self._state = orders.closed_orders(orders.confirmed(self._state, started))
        self._work = self._work or bool(orders.due_orders(self._state))
