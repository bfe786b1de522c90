"""Puts closed runs away before the server forgets them.

Activity side; `rota audit archive` does the same by hand. One run that fails keeps no other back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from activities.audit.archive_store import ArchiveErasedError, is_done, put_archive
from activities.audit.checkpointing import make_checkpoints
from activities.audit.closed_runs import (
    ClosedExecution,
    last_execution,
    ledger_closed,
    listed_closed,
)
from activities.audit.collect import RunUnknownError, collect_run
from activities.audit.fetching import key_of
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoreError
from rota.archive import ArchiveOrder, ArchiveReport, FailedArchive
from rota.audit.archived import NAMESPACES
from rota.audit.run_record import RunRecord
from rota.audit.seals import Signer
from rota.connections import Connections
from rota.keeper_state import LedgerEntry

OVERLAP = timedelta(hours=1)
"""Looked at again before the cursor: lists of the server lag behind, seldom for minutes."""
AT_ONCE = 4
"""Runs put away at the same time: each is held in memory whole, and hashing is work."""
LEDGER_PATIENCE = timedelta(days=1)
"""How long a run waits for its keeper, so that its record has what the ledger says."""
CHECKPOINT_PATIENCE = timedelta(days=1)
"""How long a day waits for a run that cannot be archived; it goes into a later checkpoint."""
FAILED_TOLD = 20
LOST_TOLD = 100


@dataclass
class _Work:
    """What one order has come to so far."""

    archived: int = 0
    skipped: int = 0
    left: int = 0
    failed: list[tuple[datetime, FailedArchive]] = field(
        default_factory=list[tuple[datetime, FailedArchive]]
    )
    undone: list[datetime] = field(default_factory=list[datetime])
    """When those were closed that are not archived."""
    lost: list[str] = field(default_factory=list[str])
    seen: set[str] = field(default_factory=set[str])
    """Keys of the runs that were looked at."""

    def fail(self, closed: datetime, run_id: str, why: Exception | str) -> None:
        """Note a run that is to be tried again."""
        reason = " ".join(str(why).split()) or type(why).__name__
        self.failed.append((closed, FailedArchive(run_id=run_id, reason=reason)))
        self.undone.append(closed)


class LedgerSilentError(Exception):
    """The keeper of a run did not answer: its record would lack what the ledger says."""


class Archiver:
    """Puts runs away.

    Args:
        client: Of the namespace.
        store: Of its workers.
        connections: Of the fleet, whose secrets are cut out.
        signer: Signs checkpoints; None: nobody does.
        clock: Tells the time.
    """

    def __init__(
        self,
        client: Client,
        store: ObjectStore,
        connections: Connections,
        signer: Signer | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._store = store
        self._connections = connections
        self._signer = signer
        self._clock = clock

    async def work(
        self, order: ArchiveOrder, told: Callable[[str], None] = lambda text: None
    ) -> ArchiveReport:
        """Put away what is closed, up to the limit, the oldest first; make checkpoints.

        Safe to repeat and to interrupt: what is archived is passed over.

        Args:
            order: What is wanted.
            told: Gets a line on how far it is.

        Raises:
            RPCError: the server does not answer.
            StoreError: the store does not; nothing is lost.
        """
        began = self._clock()
        since = order.since - OVERLAP if order.since else None
        listed = await listed_closed(self._client, since, order.agents)
        ledgers = await ledger_closed(self._client, self._store, since, order.agents)
        work = _Work()
        todo = await self._todo(listed, work)
        todo += await self._from_ledgers(ledgers.entries, work)
        todo.sort(key=lambda each: each.closed)
        work.undone += [each.closed for each in todo[order.limit :]]
        work.left = len(todo[order.limit :])
        await self._put_all(todo[: order.limit], work, told)
        oldest = min(work.undone, default=None)
        if not work.failed:
            # Whoever collects garbage knows by that whose store it is.
            await self._store.set_ref(f"{NAMESPACES}/{self._client.namespace}", b"", if_absent=True)
        made = await self._checkpoints(order, oldest, began)
        first = sorted(work.failed, key=lambda each: each[0])[:FAILED_TOLD]
        return ArchiveReport(
            archived=work.archived,
            skipped=work.skipped,
            left=work.left,
            failed=tuple(each for _, each in first),
            failures=len(work.failed),
            lost=tuple(sorted(work.lost)[:LOST_TOLD]) if since else (),
            losses=len(work.lost) if since else 0,
            checkpoints=made,
            lag_seconds=max(0, int((began - oldest).total_seconds())) if oldest else 0,
            oldest_unarchived=oldest,
            cursor=order.since if ledgers.unread else min(filter(None, (oldest, began))),
        )

    async def _todo(self, listed: list[ClosedExecution], work: _Work) -> list[ClosedExecution]:
        """Those that are not archived yet."""

        async def look(each: ClosedExecution) -> ClosedExecution | None:
            if await is_done(self._store, each.run_id):
                work.seen.add(each.run_id)
                return None
            return await self._unarchived(each, work)

        found = await side_by_side(listed, look, AT_ONCE * 4)
        todo = [each for each in found if each is not None]
        work.skipped += len(listed) - len(todo)
        return todo

    async def _unarchived(self, each: ClosedExecution, work: _Work) -> ClosedExecution | None:
        # A run that continued as new is known by its first execution, which no list tells.
        handle = self._client.get_workflow_handle(each.id, run_id=each.run_id)
        try:
            key = key_of(await handle.describe())
        except RPCError as error:
            work.fail(each.closed, each.id, error)
            return None
        work.seen.add(key)
        return None if await is_done(self._store, key) else each

    async def _from_ledgers(
        self, entries: tuple[LedgerEntry, ...], work: _Work
    ) -> list[ClosedExecution]:
        """Those that a ledger knows, and no list."""
        todo: list[ClosedExecution] = []
        for entry in entries:
            run = entry.run
            if run is None or run.key in work.seen or await is_done(self._store, run.key):
                continue
            work.seen.add(run.key)
            closed = entry.settled_at or entry.admitted_at
            try:
                found = await last_execution(self._client, run)
            except RPCError as error:
                work.fail(closed, run.id, error)
                continue
            if found is None:
                work.lost.append(run.id)
            elif found.close_time is not None:
                todo.append(ClosedExecution(run.id, found.run_id, found.close_time))
        return todo

    async def _put_all(
        self, todo: list[ClosedExecution], work: _Work, told: Callable[[str], None]
    ) -> None:
        async def put(each: ClosedExecution) -> None:
            await self._put(each, work)
            told(f"archived {work.archived} of {len(todo)}, {len(work.failed)} failed")

        await side_by_side(todo, put, AT_ONCE)

    async def _put(self, each: ClosedExecution, work: _Work) -> None:
        try:
            record = await collect_run(
                self._client, self._store, each.id, self._connections, each.run_id
            )
            self._require_ledger(record, each.closed)
            await put_archive(self._store, record)
        except RunUnknownError:
            work.lost.append(each.id)
        except ArchiveErasedError:
            work.skipped += 1
        except (StoreError, RPCError, LedgerSilentError, ValueError, LookupError) as error:
            work.fail(each.closed, each.id, error)
        else:
            work.archived += 1

    def _require_ledger(self, record: RunRecord, closed: datetime) -> None:
        if self._clock() - closed > LEDGER_PATIENCE:
            return
        for note in record.notes:
            if note.startswith("the ledger was not read"):
                raise LedgerSilentError(note)

    async def _checkpoints(
        self, order: ArchiveOrder, oldest: datetime | None, now: datetime
    ) -> int:
        if not order.checkpoints:
            return 0
        whole = now if oldest is None else max(oldest, now - CHECKPOINT_PATIENCE)
        return await make_checkpoints(self._store, self._signer, whole.date(), now, order.agents)
