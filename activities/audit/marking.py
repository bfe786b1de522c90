"""Finds out which objects of a store something still refers to.

Activity side: reads. An object is kept if any bytes that are kept hold its digest; see
`rota.audit.references`. What was put a short while ago is kept, and what it refers to: it may be
what a run is just writing.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

from activities.side_by_side import side_by_side
from activities.stores.base import (
    SHARDS,
    ObjectMissingError,
    ObjectStore,
    StoredObject,
    StoreError,
)
from rota.audit.archived import ArchivedRun
from rota.audit.references import digests_in, without_gone
from rota.what_if.backtest import played_run

READS_AT_ONCE = 16


@dataclass
class Marked:
    """What was found."""

    objects: dict[str, StoredObject]
    """All that there were at the beginning."""
    kept: set[str] = field(default_factory=set[str])
    """Digests of those that something refers to, or that are young."""
    problems: list[str] = field(default_factory=list[str])
    """Why nobody can say what else is referred to; empty if the marking is whole."""


@dataclass(frozen=True)
class Leaving:
    """What is about to go, and so keeps nothing."""

    runs: frozenset[str] = frozenset()
    """Keys of runs whose own refs and archives do not count."""
    gone: frozenset[str] = frozenset()
    """Keys of runs whose results no ledger keeps; those of `runs`, and of runs gone before."""
    own: frozenset[str] = frozenset()
    """Objects that do not count as young."""


async def listing(store: ObjectStore) -> dict[str, StoredObject]:
    """Return all objects of a store."""
    found = await side_by_side(SHARDS, store.list_objects, READS_AT_ONCE)
    return {each.digest: each for objects in found for each in objects}


def is_own(name: str, runs: Collection[str]) -> bool:
    """True if a ref is what one of `runs` left behind."""
    return owner_of(name) in runs


def owner_of(name: str) -> str:
    """Key of the run that left a ref behind, or that was played by what did; empty if none."""
    parts = name.split("/")
    return played_run(parts[1]) if len(parts) > 1 and parts[0] != "audit" else ""


class Marker:
    """Marks what is reachable in one store.

    Args:
        store: The store.
        young_from: What was put at or after that moment is kept.
        leaving: What keeps nothing.
    """

    def __init__(self, store: ObjectStore, young_from: datetime, leaving: Leaving) -> None:
        self._store = store
        self._young_from = young_from
        self._leaving = leaving

    async def mark(self, archives: Iterable[ArchivedRun], server: AsyncIterator[bytes]) -> Marked:
        """Return what is kept.

        Args:
            archives: All there are.
            server: `server_roots`.

        Raises:
            StoreError: the store does not answer.
            RPCError: the server does not.
        """
        marked = Marked(await listing(self._store))
        todo: set[str] = set()
        async for data in server:
            todo |= self._known(data, marked)
        for each in archives:
            if each.run.key not in self._leaving.runs:
                # Compressed, and encrypted: there is nothing to find in them.
                marked.kept |= {each.chain, *((each.content,) if each.content else ())}
                todo |= set(each.objects) & marked.objects.keys()
        todo |= await self._refs(marked)
        todo |= self._young(marked.objects.values())
        await self._follow(todo, marked)
        # What has come meanwhile may refer to what was there before.
        late = await listing(self._store)
        new = {key: each for key, each in late.items() if each != marked.objects.get(key)}
        marked.objects = {**late, **marked.objects}
        await self._follow(self._young(new.values()), marked)
        return marked

    def _young(self, objects: Iterable[StoredObject]) -> set[str]:
        return {
            each.digest
            for each in objects
            if each.written >= self._young_from and each.digest not in self._leaving.own
        }

    def _known(self, data: bytes, marked: Marked) -> set[str]:
        return {each for each in digests_in(data) if each in marked.objects}

    async def _refs(self, marked: Marked) -> set[str]:
        async def read(name: str) -> set[str]:
            value = await self._store.get_ref(name)
            return self._known(name.encode(errors="replace") + b"\n" + (value or b""), marked)

        names = [name for name in await self._store.list_refs("") if self._counts(name)]
        return set[str]().union(*await side_by_side(names, read, READS_AT_ONCE))

    def _counts(self, name: str) -> bool:
        if name.startswith("audit/archive/"):
            return name.rpartition("/")[2] not in self._leaving.runs
        return not is_own(name, self._leaving.runs)

    async def _follow(self, todo: set[str], marked: Marked) -> None:
        todo = todo - marked.kept
        while todo:
            marked.kept |= todo
            read = partial(self._referred, marked=marked)
            found = await side_by_side(todo, read, READS_AT_ONCE)
            todo = set[str]().union(*found) - marked.kept

    async def _referred(self, digest: str, marked: Marked) -> set[str]:
        try:
            data = await self._store.get(digest)
        except ObjectMissingError:
            return set()
        except StoreError as error:
            marked.problems.append(str(error))
            return set()
        return self._known(_readable(data, self._leaving.gone), marked)


def _readable(data: bytes, gone: Collection[str]) -> bytes:
    """The bytes to look into: of what Temporal keeps here, its value."""
    if not gone or data[:1] in (b"{", b"["):
        return without_gone(data, gone)
    try:
        payload = Payload.FromString(data)
    except DecodeError:
        return data
    return without_gone(payload.data, gone) if payload.data else data
