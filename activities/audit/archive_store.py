"""Archives of closed runs in the object store: written once, found by run, opened.

Activity side. A ref per run, set last and never replaced but by erasure, makes a run archived: an
attempt that dies before leaves objects that nobody refers to, and the next one writes the same.
"""

from collections.abc import Collection
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.service import RPCError

from activities.audit.content_keys import content_key
from activities.audit.fetching import key_of
from activities.audit.sealing import locked, unlocked
from activities.server_errors import is_missing
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from rota.audit.archived import (
    ARCHIVES,
    EXPIRED,
    LOST,
    ArchivedRun,
    PendingHead,
    archive_place,
    archived_run,
    expired_place,
    lost_place,
    pack_chain,
    pack_content,
    pending_place,
    runs_place,
    unpack,
)
from rota.audit.chain import Chain
from rota.audit.content_key import KEY_BYTES, ContentKey, Destruction, key_place
from rota.audit.entries import chain_of
from rota.audit.run_record import RunRecord
from rota.model import Record, canonical_json

READS_AT_ONCE = 16
"""As many as a store in S3 has connections."""
FEW = 1000
"""Runs that are asked for one by one: a store in S3 lists a thousand with one request."""


@dataclass(frozen=True)
class OpenedArchive:
    """An archive, read."""

    run: ArchivedRun
    chain: Chain
    """Without pieces if the content was erased."""
    destroyed: Destruction | None = None
    """Who had it erased, also while that is not yet done."""


class NotClosedError(Exception):
    """The run has not ended: there is nothing to put away yet."""


class ArchiveErasedError(Exception):
    """The content of the run was erased before it was archived."""


async def put_archive(store: ObjectStore, record: RunRecord, owner: str = "") -> ArchivedRun:
    """Put a closed run away; returns what the archive has of it.

    Idempotency: the first archive of a run stands.

    Args:
        store: Where archives lie.
        record: Of the run.
        owner: Fleet that it counts for if it never got a declaration to work by.

    Raises:
        NotClosedError: the record is that of a run at work.
        ArchiveErasedError: the key of its content was destroyed.
        StoreError: the store does not answer; to be tried again.
    """
    key = record.run.key
    if (known := await get_archive(store, key)) is not None:
        return known
    if record.ended is None:
        raise NotClosedError(f"{record.run.id} has not ended")
    kept = await content_key(store, key)
    if kept.destroyed is not None:
        raise ArchiveErasedError(f"the content of {record.run.id} was erased")
    chain = chain_of(record, kept.secret)
    packed = await store.put(pack_chain(chain))
    content = await store.put(locked(pack_content(chain.pieces), kept.secret, key))
    made = archived_run(record, record.ended, chain, packed, content, owner)
    digest = await store.put(encoded(made))
    # Before the archive is known: whoever meets a run here that has none goes past it.
    pending = PendingHead(run=made.run, head=made.head, ended=made.ended)
    await store.set_ref(pending_place(made.agent, key), encoded(pending))
    await store.set_ref(f"{runs_place(made.run.id)}/{key}", b"")
    first = await store.set_ref(archive_place(key), digest.encode(), if_absent=True)
    return ArchivedRun.model_validate_json(await store.get(first.decode()))


def unstored(record: RunRecord) -> ArchivedRun:
    """Return what the archive would have of a closed run; nothing is stored, nothing opens it.

    Raises:
        NotClosedError: the record is that of a run at work.
    """
    if record.ended is None:
        raise NotClosedError(f"{record.run.id} has not ended")
    return archived_run(record, record.ended, chain_of(record, bytes(KEY_BYTES)), "", "")


async def get_archive(store: ObjectStore, run_key: str) -> ArchivedRun | None:
    """Return what the archive has of a run; None if it is not archived."""
    digest = await store.get_ref(archive_place(run_key))
    if digest is None:
        return None
    return ArchivedRun.model_validate_json(await store.get(digest.decode()))


async def is_done(store: ObjectStore, run_key: str) -> bool:
    """True if a run is archived, or was and its retention is over."""
    if await store.get_ref(archive_place(run_key)) is not None:
        return True
    return await store.get_ref(expired_place(run_key)) is not None


async def done_among(store: ObjectStore, run_keys: Collection[str]) -> set[str]:
    """Return those of many runs that need not be looked at: archived, over, or known to be lost.

    Raises:
        StoreError: the store does not answer.
    """
    wanted = set(run_keys)
    if len(wanted) > FEW:
        tops = (ARCHIVES, EXPIRED, LOST)
        names = [name for top in tops for name in await store.list_refs(top)]
        return wanted & {name.rpartition("/")[2] for name in names}

    async def ask(key: str) -> str | None:
        lost = await store.get_ref(lost_place(key)) is not None
        return key if lost or await is_done(store, key) else None

    found = await side_by_side(wanted, ask, READS_AT_ONCE)
    return {key for key in found if key is not None}


async def archives_named(store: ObjectStore, run_id: str) -> list[ArchivedRun]:
    """Return the archives of all runs with a workflow id, the oldest first."""
    place = runs_place(run_id)
    keys = [name.removeprefix(f"{place}/") for name in await store.list_refs(place)]
    found = [each for each in [await get_archive(store, key) for key in keys] if each is not None]
    return sorted(found, key=lambda each: each.started)


async def find_archive(store: ObjectStore, run_id: str) -> ArchivedRun | None:
    """Return the archive of the newest run with a workflow id; None if there is none."""
    return next(reversed(await archives_named(store, run_id)), None)


async def archive_of(
    client: Client, store: ObjectStore, run_id: str, execution: str | None = None
) -> ArchivedRun | None:
    """Return the archive of the run that a workflow id means: the newest one.

    Of a run that the server has forgotten, the newest that is archived.

    Args:
        client: Of the run's namespace.
        store: Where archives lie.
        run_id: Workflow id.
        execution: Of another than the newest run, one of its executions; of one that the server
            has forgotten, the first.

    Raises:
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    try:
        described = await client.get_workflow_handle(run_id, run_id=execution).describe()
    except RPCError as error:
        if not is_missing(error):
            raise
        return await (get_archive(store, execution) if execution else find_archive(store, run_id))
    return await get_archive(store, key_of(described))


async def open_archive(store: ObjectStore, run: ArchivedRun) -> OpenedArchive:
    """Read the chain of an archived run, with its content unless that was erased.

    Raises:
        StoreError: an object is missing or damaged, or the store does not answer.
        DamagedContentError: the content is not what was encrypted.
        ValueError: an object has another form.
    """
    chain = await store.get(run.chain)
    key = await store.get_ref(key_place(run.run.key))
    kept = ContentKey() if key is None else ContentKey.model_validate_json(key)
    destroyed = run.destroyed or kept.destroyed
    if run.content is None or not kept.secret:
        return OpenedArchive(run, unpack(chain, None, b""), destroyed)
    content = unlocked(await store.get(run.content), kept.secret, run.run.key)
    return OpenedArchive(run, unpack(chain, content, kept.secret), destroyed)


def encoded(record: Record) -> bytes:
    """Return a record as refs and objects hold it."""
    return canonical_json(record.model_dump(mode="json"))


async def all_archives(store: ObjectStore) -> list[ArchivedRun]:
    """Return what the archive has of all runs, in no order that means anything.

    Raises:
        StoreError: an object is missing or damaged, or the store does not answer.
    """

    async def read(name: str) -> ArchivedRun | None:
        return await get_archive(store, name.removeprefix(f"{ARCHIVES}/"))

    found = await side_by_side(await store.list_refs(ARCHIVES), read, READS_AT_ONCE)
    return [each for each in found if each is not None]
