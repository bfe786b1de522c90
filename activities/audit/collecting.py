"""Takes away what its time is over, and what nothing refers to any more.

Activity side. Interrupted anywhere, what is left is whole: objects go one by one, each of which
nothing refers to.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime, timedelta

from activities.audit.archive_progress import lost_runs
from activities.audit.archive_store import all_archives
from activities.audit.expiring import Kept, expire
from activities.audit.marking import Leaving, Marked, Marker
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoredObject
from rota.audit.archived import ERASURES, EXPIRED, NAMESPACES, ArchivedRun
from rota.audit.collected import GcReport
from rota.audit.retention import FleetRetention

Server = Callable[[Collection[str]], AsyncIterator[bytes]]
"""`server_roots` of one server, given the runs that are gone."""
DELETES_AT_ONCE = 16


class Collector:
    """Collects in one store, which belongs to one namespace.

    Args:
        store: The store.
        server: What the server refers to.
        namespace: Of that server.
        retention: What the fleet says of its runs; those of other fleets are left alone.
        clock: Tells the time.
    """

    def __init__(
        self,
        store: ObjectStore,
        server: Server,
        namespace: str,
        retention: FleetRetention,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._server = server
        self._namespace = namespace
        self._retention = retention
        self._clock = clock

    async def collect(self, grace: timedelta, *, dry_run: bool) -> GcReport:
        """Take away archives whose retention is over, then objects that nothing refers to.

        Safe to repeat, to interrupt, and beside runs at work.

        Args:
            grace: What was put within it is kept, and what it refers to.
            dry_run: Take nothing, and say what would be taken.

        Raises:
            StoreError: the store does not answer, or an archive is damaged.
            RPCError: the server does not answer.
        """
        began = self._clock()
        archives = await all_archives(self._store)
        lost = await lost_runs(self._store)
        known = [*archives, *lost]
        unclear = {why for each in known if (why := self._retention.undecided(each))}
        foreign = await self._foreign(archives)
        over = [] if foreign else [each for each in known if self._retention.is_over(each, began)]
        expired, held = await expire(self._store, over, self._clock, dry_run=dry_run)
        others = [each for each in archives if each.fleet not in {"", self._retention.fleet}]
        report = GcReport(
            dry_run=dry_run,
            archives=len(archives),
            others=len(others),
            expired=tuple(each.run.id for each in expired),
            held=tuple(each.run.id for each in held),
            undecided=(*sorted(unclear), *foreign),
            swept=not foreign,
        )
        if foreign:
            return report
        leaving = await self._leaving(expired)
        marker = Marker(self._store, began - grace, leaving)
        left = [each for each in archives if each.run.key not in leaving.runs]
        marked = await marker.mark(left, self._server(leaving.gone))
        if marked.problems:
            more = {"undecided": (*report.undecided, *marked.problems), "swept": False}
            return report.model_copy(update=more)
        return await self._sweep(report, marked, began - grace)

    async def _foreign(self, archives: list[ArchivedRun]) -> list[str]:
        """Why this server does not know of all that refers to objects of the store."""
        told = await self._store.list_refs(NAMESPACES)
        names = {name.removeprefix(f"{NAMESPACES}/") for name in told}
        names |= {each.namespace for each in archives}
        return [
            f"the store holds runs of namespace '{name}', too, which may refer to anything: give "
            "each namespace a store of its own"
            for name in sorted(names - {self._namespace})
        ]

    async def _leaving(self, expired: Sequence[Kept]) -> Leaving:
        keys = frozenset(each.run.key for each in expired)
        before = [*await self._store.list_refs(EXPIRED), *await self._store.list_refs(ERASURES)]
        return Leaving(runs=keys, gone=keys | {name.rpartition("/")[2] for name in before})

    async def _sweep(self, report: GcReport, marked: Marked, before: datetime) -> GcReport:
        waste = [each for key, each in marked.objects.items() if key not in marked.kept]

        async def remove(each: StoredObject) -> bool:
            return await self._store.delete(each.digest, before)

        removed = waste
        if not report.dry_run:
            gone = await side_by_side(waste, remove, DELETES_AT_ONCE)
            removed = [each for each, is_gone in zip(waste, gone, strict=True) if is_gone]
        return report.model_copy(
            update={
                "objects": len(marked.objects),
                "kept": len(marked.objects) - len(waste),
                "removed": len(removed),
                "bytes": sum(each.size for each in removed),
                "spared": len(waste) - len(removed),
            }
        )
