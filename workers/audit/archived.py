"""Archived runs as records: what export and report work from once a run has been put away."""

from temporalio.client import Client

from activities.audit.archive_store import OpenedArchive, archive_of, open_archive
from activities.audit.collect import collect_run
from activities.audit.sealing import DamagedContentError
from activities.stores.base import ObjectStore
from rota.audit.archived import ArchivedRun
from rota.audit.reading_back import ErasedError, record_of
from rota.audit.run_record import RunRecord, Versions
from rota.connections import Connections
from rota.runs import Trigger


class DamagedArchiveError(Exception):
    """The archive of a run cannot be read."""


async def record_of_run(
    client: Client, store: ObjectStore, run_id: str, connections: Connections
) -> RunRecord:
    """Return the record of a run: from the archive if it is there, else from server and store.

    Raises:
        activities.audit.collect.RunUnknownError: neither has it.
        ErasedError: its content was erased.
        DamagedArchiveError: it is archived, and cannot be read.
        StoreError: the store does not answer.
    """
    archived = await archive_of(client, store, run_id)
    if archived is None:
        return await collect_run(client, store, run_id, connections)
    _, record = await read_archive(store, archived)
    if archived.destroyed is not None:
        raise ErasedError(record.notes[0])
    return record


async def read_archive(
    store: ObjectStore, archived: ArchivedRun
) -> tuple[OpenedArchive, RunRecord]:
    """Return an archive, opened, with its record; of an erased one that says no more than that.

    Raises:
        DamagedArchiveError: it cannot be read.
        StoreError: an object is missing or damaged, or the store does not answer.
    """
    try:
        opened = await open_archive(store, archived)
        if archived.destroyed is not None:
            return opened, _erased(archived, opened)
        content = {piece.place: piece.data for piece in opened.chain.pieces}
        return opened, record_of(opened.chain.records, content)
    except (DamagedContentError, ErasedError, ValueError, LookupError, OSError) as error:
        text = f"the archive of {archived.run.id} cannot be read: {error}"
        raise DamagedArchiveError(text) from error


def _erased(archived: ArchivedRun, opened: OpenedArchive) -> RunRecord:
    gone = archived.destroyed
    assert gone is not None
    told = f"its content was erased by {gone.by} on {gone.at:%Y-%m-%d}: {gone.reason}"
    return RunRecord(
        run=archived.run,
        agent=archived.agent,
        kind=archived.kind,
        namespace=archived.namespace,
        versions=Versions.model_validate(archived.versions),
        started=archived.started,
        ended=archived.ended,
        status=archived.status,
        trigger=Trigger(opened.chain.records[0].body["trigger"]),
        notes=(told,),
    )
