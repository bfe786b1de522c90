"""Puts closed runs away before the server forgets them.

Activity side; `rota audit archive` does the same by hand. One run that fails keeps no other back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio.client import Client

from activities.audit.archive_progress import read_progress, write_progress
from activities.audit.archive_store import ArchiveErasedError, put_archive
from activities.audit.checkpointing import make_checkpoints
from activities.audit.closed_runs import ClosedExecution
from activities.audit.collect import RunUnknownError, collect_run
from activities.audit.fleet_agents import fleet_agents
from activities.audit.unarchived import Unarchived, find_unarchived
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from rota.archive import LEDGER_PATIENCE, ArchiveOrder, ArchiveReport, FailedArchive
from rota.audit.archived import NAMESPACES, ArchivedRun
from rota.audit.run_record import RunRecord
from rota.audit.seals import Signer
from rota.connections import Connections

AT_ONCE = 4
"""Runs put away at the same time: each is held in memory whole, and hashing is work."""
CHECKPOINT_PATIENCE = timedelta(days=1)
"""How long a day waits for a run that cannot be archived; it goes into a later checkpoint."""
FAILED_TOLD = 20
LOST_TOLD = 100
FAILURES = 2
"""Times an order's limit: so many runs may fail before what is left waits for the next order."""


@dataclass
class _Work:
    """What one order has come to so far."""

    archived: int = 0
    skipped: int = 0
    taken: int = 0
    """Runs that were tried, or are being tried."""
    failed: list[tuple[ClosedExecution, Exception]] = field(
        default_factory=list[tuple[ClosedExecution, Exception]]
    )
    lost: list[str] = field(default_factory=list[str])

    def told(self) -> list[FailedArchive]:
        """What is to be tried again, the oldest first."""
        ordered = sorted(self.failed, key=lambda each: each[0].closed)
        return [
            FailedArchive(run_id=each.id, reason=" ".join(str(why).split()) or type(why).__name__)
            for each, why in ordered
        ]


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
        self.written: list[ArchivedRun] = []
        """What was put away."""

    async def work(
        self, order: ArchiveOrder, told: Callable[[str], None] = lambda text: None
    ) -> ArchiveReport:
        """Put away what is closed, up to the limit, the oldest first; make checkpoints.

        Safe to repeat and to interrupt: what is archived is passed over. Runs that failed the
        last time are tried last, so that they keep no other back.

        Args:
            order: What is wanted.
            told: Gets a line on how far it is.

        Raises:
            RPCError: the server does not answer.
            StoreError: the store does not; nothing is lost.
        """
        began = self._clock()
        progress = await read_progress(self._store, order.fleet)
        owned = await fleet_agents(self._client, order.fleet)
        agents = [name for name in owned if not order.agents or name in order.agents]
        since = progress.since(agents) if order.resume else dict.fromkeys(agents, order.since)
        failing = frozenset(progress.failing)
        found = await find_unarchived(
            self._client, self._store, order.fleet, since, _most_tried(order), failing
        )
        work = _Work(skipped=found.done, failed=found.failed)
        todo = self._worth_trying(found, work, began, failing)
        await self._put_all(todo, order, work, told)
        left = [*todo[work.taken :], *found.left]
        undone = [*left, *(each for each, _ in work.failed)]
        oldest = min((each.closed for each in undone), default=None)
        if not work.failed:
            # Whoever collects garbage knows by that whose store it is.
            await self._store.set_ref(f"{NAMESPACES}/{self._client.namespace}", b"", if_absent=True)
        if order.resume:
            failed = [each.run_id for each, _ in work.failed]
            failed += [each.run_id for each in left if each.run_id in failing]
            of_each: dict[str, datetime] = {}
            for each in undone:
                of_each[each.agent] = min(each.closed, of_each.get(each.agent, each.closed))
            progress = progress.after(began, agents, of_each, found.silent, failed)
            await write_progress(self._store, order.fleet, progress)
        made = await self._checkpoints(order, agents, oldest, began)
        work.lost += [each.id for each in found.lost if since[each.agent] is not None]
        return ArchiveReport(
            archived=work.archived,
            skipped=work.skipped,
            left=len(left),
            failed=tuple(work.told()[:FAILED_TOLD]),
            failures=len(work.failed),
            lost=tuple(sorted(work.lost)[:LOST_TOLD]),
            losses=len(work.lost),
            checkpoints=made,
            lag_seconds=max(0, int((began - oldest).total_seconds())) if oldest else 0,
            oldest_unarchived=oldest,
        )

    def _worth_trying(
        self, found: Unarchived, work: _Work, now: datetime, failing: frozenset[str]
    ) -> list[ClosedExecution]:
        """The runs to put away, in order; those whose keeper is silent wait for it a while."""
        todo: list[ClosedExecution] = []
        for each in found.todo:
            if each.agent in found.silent and now - each.closed <= LEDGER_PATIENCE:
                error = LedgerSilentError(f"the keeper of {each.agent} does not answer")
                work.failed.append((each, error))
            else:
                todo.append(each)
        return sorted(todo, key=lambda each: each.run_id in failing)

    async def _put_all(
        self,
        todo: list[ClosedExecution],
        order: ArchiveOrder,
        work: _Work,
        told: Callable[[str], None],
    ) -> None:
        before = len(work.failed)

        def next_one() -> Iterator[ClosedExecution]:
            for each in todo:
                failed = len(work.failed) - before
                if work.taken - failed >= order.limit or failed >= FAILURES * order.limit:
                    return
                work.taken += 1
                yield each

        async def put(each: ClosedExecution) -> None:
            await self._put(each, order.fleet, work)
            told(f"archived {work.archived} of {len(todo)}, {len(work.failed)} failed")

        await side_by_side(next_one(), put, AT_ONCE)

    async def _put(self, each: ClosedExecution, fleet: str, work: _Work) -> None:
        try:
            record = await collect_run(
                self._client, self._store, each.id, self._connections, each.run_id
            )
            self._require_ledger(record, each.closed)
            self.written.append(await put_archive(self._store, record, fleet))
        except RunUnknownError:
            work.lost.append(each.id)
        except ArchiveErasedError:
            work.skipped += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's alone
            work.failed.append((each, error))
        else:
            work.archived += 1

    def _require_ledger(self, record: RunRecord, closed: datetime) -> None:
        if self._clock() - closed > LEDGER_PATIENCE:
            return
        for note in record.notes:
            if note.startswith("the ledger was not read"):
                raise LedgerSilentError(note)
        if record.ledger is not None and not record.ledger.status.closed:
            raise LedgerSilentError("its keeper has not noticed yet that it ended")

    async def _checkpoints(
        self,
        order: ArchiveOrder,
        agents: Sequence[str],
        oldest: datetime | None,
        now: datetime,
    ) -> int:
        if not order.checkpoints:
            return 0
        whole = now if oldest is None else max(oldest, now - CHECKPOINT_PATIENCE)
        return await make_checkpoints(self._store, self._signer, whole.date(), now, agents)


def _most_tried(order: ArchiveOrder) -> int:
    """How many runs an order may try: as many as its limit, and those that may fail."""
    return order.limit * (1 + FAILURES)
