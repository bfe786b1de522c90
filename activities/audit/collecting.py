"""Takes away what its time is over, and what nothing refers to any more.

Activity side. Interrupted anywhere, what is left is whole: a run whose retention is over loses its
archive's ref last, and objects go one by one, each of which nothing refers to.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime, timedelta

from activities.audit.archive_store import all_archives, encoded
from activities.audit.holding import all_holds
from activities.audit.marking import Leaving, Marked, Marker, is_own
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoredObject
from rota.audit.archived import (
    ERASURES,
    EXPIRED,
    NAMESPACES,
    ArchivedRun,
    Expired,
    archive_place,
    expired_place,
    pending_place,
    runs_place,
)
from rota.audit.checkpoints import proof_place
from rota.audit.collected import GcReport
from rota.audit.content_key import key_place
from rota.audit.retention import holder_of, kept_until, undecided

Server = Callable[[Collection[str]], AsyncIterator[bytes]]
"""`server_roots` of one server, given the runs that are gone."""
DELETES_AT_ONCE = 16


class Collector:
    """Collects in one store, which belongs to one namespace.

    Args:
        store: The store.
        server: What the server refers to.
        namespace: Of that server.
        classes: `audit.retention` of `fleet.yaml`.
        clock: Tells the time.
    """

    def __init__(
        self,
        store: ObjectStore,
        server: Server,
        namespace: str,
        classes: Mapping[str, timedelta],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._server = server
        self._namespace = namespace
        self._classes = classes
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
        unclear = await self._unclear(archives)
        foreign = await self._foreign(archives)
        over = [] if foreign else [each for each in archives if self._is_over(each, began)]
        holds = await all_holds(self._store)
        held = [each for each in over if holder_of(holds, each.run.key, each.agent, began)]
        expired = [each for each in over if each not in held]
        if not dry_run:
            await self._expire(expired, began)
        report = GcReport(
            dry_run=dry_run,
            archives=len(archives),
            expired=tuple(each.run.id for each in expired),
            held=tuple(each.run.id for each in held),
            undecided=(*unclear, *foreign),
            swept=not foreign,
        )
        if foreign:
            return report
        leaving = await self._leaving(expired)
        marker = Marker(self._store, began - grace, leaving)
        left = [each for each in archives if each not in expired]
        marked = await marker.mark(left, self._server(leaving.gone))
        if marked.problems:
            more = {"undecided": (*report.undecided, *marked.problems), "swept": False}
            return report.model_copy(update=more)
        return await self._sweep(report, marked, began - grace)

    def _is_over(self, run: ArchivedRun, now: datetime) -> bool:
        until = kept_until(run, self._classes)
        return until is not None and until <= now

    async def _unclear(self, archives: list[ArchivedRun]) -> list[str]:
        return sorted({why for each in archives if (why := undecided(each, self._classes))})

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

    async def _leaving(self, expired: list[ArchivedRun]) -> Leaving:
        keys = frozenset(each.run.key for each in expired)
        before = [*await self._store.list_refs(EXPIRED), *await self._store.list_refs(ERASURES)]
        return Leaving(runs=keys, gone=keys | {name.rpartition("/")[2] for name in before})

    async def _expire(self, expired: list[ArchivedRun], now: datetime) -> None:
        keys = {each.run.key for each in expired}
        left: dict[str, list[str]] = {}
        for name in await self._store.list_refs("") if expired else ():
            if is_own(name, keys):
                left.setdefault(name.split("/")[1], []).append(name)
        for each in expired:
            key = each.run.key
            gone = Expired(run=each.run, agent=each.agent, ended=each.ended, at=now)
            # First, so that nobody archives it anew; the archive last, so that all this is
            # repeated if it is interrupted.
            await self._store.set_ref(expired_place(key), encoded(gone), if_absent=True)
            for name in (
                *left.get(key, ()),
                pending_place(each.agent, key),
                proof_place(key),
                key_place(key),
                f"{runs_place(each.run.id)}/{key}",
                archive_place(key),
            ):
                await self._store.delete_ref(name)

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
