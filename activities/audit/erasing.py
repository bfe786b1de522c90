"""Destroys the content of one run: its key, its archived content, and what it alone refers to.

Activity side. The key goes first: from then on nobody can read what the archive has, nor tell by
guessing what the chain commits to. The chain stays. Interrupted, it is to be repeated: the first
word on who, when and why stands.
"""

from datetime import datetime, timedelta

from activities.audit.archive_store import encoded
from activities.audit.collecting import Server
from activities.audit.content_keys import destroy_content_key
from activities.audit.holding import all_holds
from activities.audit.marking import Leaving, Marker, is_own
from activities.stores.base import ObjectStore
from rota.audit.archived import (
    ERASURES,
    EXPIRED,
    ArchivedRun,
    Erasure,
    archive_place,
    erasure_place,
    pending_erasure,
    pending_place,
)
from rota.audit.content_key import Destruction
from rota.audit.references import digests_in
from rota.audit.retention import holder_of

YOUNG = timedelta(days=1)
"""What was put within it keeps what it refers to: a run may just be writing it."""


class HeldError(Exception):
    """A hold keeps the run."""


class UndecidedError(Exception):
    """Nobody can say what others refer to; nothing was destroyed."""


class Eraser:
    """Erases runs in one store.

    Args:
        store: The store.
        server: What the server refers to.
    """

    def __init__(self, store: ObjectStore, server: Server) -> None:
        self._store = store
        self._server = server

    async def erase(
        self,
        run: ArchivedRun,
        archives: list[ArchivedRun],
        destruction: Destruction,
        *,
        dry_run: bool,
    ) -> Erasure:
        """Destroy the content of an archived run; returns what went, and what did not.

        Idempotency: what is erased stays so; the first destruction is told.

        Args:
            run: Which.
            archives: All there are.
            destruction: Who, when, why.
            dry_run: Destroy nothing, and say what would be destroyed.

        Raises:
            HeldError: a hold keeps it.
            UndecidedError: an object that is referred to cannot be read.
            StoreError: the store does not answer; to be repeated.
            RPCError: the server does not answer; nothing was destroyed.
        """
        key, now = run.run.key, destruction.at
        if (done := await self._done(run)) is not None:
            return done
        await self._refuse_if_held(run, now)
        refs = [name for name in await self._store.list_refs("") if is_own(name, {key})]
        own = await self._own(run, refs)
        waste, kept = await self._alone(run, archives, own, now)
        if not dry_run:
            # To find out what others refer to takes minutes, in which somebody may want it kept.
            await self._refuse_if_held(run, now)
            destruction = await self._destroy(run, destruction, refs, waste)
        erasure = Erasure(
            run=run.run,
            agent=run.agent,
            destruction=destruction,
            head=run.head,
            objects=len(waste),
            refs=len(refs),
            kept=len(kept),
        )
        if not dry_run:
            await self._record(run, erasure)
        return erasure

    async def _refuse_if_held(self, run: ArchivedRun, now: datetime) -> None:
        hold = holder_of(await all_holds(self._store), run.run.key, run.agent, now)
        if hold is not None:
            raise HeldError(f"{hold.by} has {run.run.id} held: {hold.reason} (hold {hold.id})")

    async def _done(self, run: ArchivedRun) -> Erasure | None:
        if run.destroyed is None:
            return None
        value = await self._store.get_ref(erasure_place(run.run.key))
        return None if value is None else Erasure.model_validate_json(value)

    async def _own(self, run: ArchivedRun, refs: list[str]) -> frozenset[str]:
        """Objects that the run refers to."""
        found = set(run.objects)
        for name in refs:
            found |= set(digests_in(await self._store.get_ref(name) or b""))
        return frozenset(found)

    async def _alone(
        self, run: ArchivedRun, archives: list[ArchivedRun], own: frozenset[str], now: datetime
    ) -> tuple[set[str], set[str]]:
        """Those of its objects that nothing else refers to, and the others."""
        names = [*await self._store.list_refs(EXPIRED), *await self._store.list_refs(ERASURES)]
        gone = {name.rpartition("/")[2] for name in names} | {run.run.key}
        # What the archive has of it names all of them.
        known = await self._store.get_ref(archive_place(run.run.key))
        own_or_archive = own | ({known.decode()} if known else set[str]())
        leaving = Leaving(frozenset({run.run.key}), frozenset(gone), own_or_archive)
        marker = Marker(self._store, now - YOUNG, leaving)
        marked = await marker.mark(archives, self._server(leaving.gone))
        if marked.problems:
            raise UndecidedError(
                f"it is unknown what others refer to, so nothing was destroyed: "
                f"{'; '.join(marked.problems)}"
            )
        there = set(own) & marked.objects.keys()
        return there - marked.kept, there & marked.kept

    async def _destroy(
        self, run: ArchivedRun, destruction: Destruction, refs: list[str], waste: set[str]
    ) -> Destruction:
        gone = await destroy_content_key(self._store, run.run.key, destruction)
        # What others put again meanwhile is theirs.
        for digest in (*((run.content,) if run.content else ()), *sorted(waste)):
            await self._store.delete(digest, destruction.at)
        for name in refs:
            await self._store.delete_ref(name)
        return gone.destroyed or destruction

    async def _record(self, run: ArchivedRun, erasure: Erasure) -> None:
        key = run.run.key
        await self._store.set_ref(erasure_place(key), encoded(erasure), if_absent=True)
        pending = pending_erasure(run, erasure.destruction)
        place = pending_place(run.agent, pending.run.key)
        await self._store.set_ref(place, encoded(pending))
        digest = await self._store.put(encoded(run.erased(erasure.destruction)))
        before = await self._store.get_ref(archive_place(key))
        await self._store.set_ref(archive_place(key), digest.encode())
        if before is not None and before.decode() != digest:
            # It named the digests of what is gone.
            await self._store.delete(before.decode(), erasure.destruction.at)
