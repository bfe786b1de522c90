"""How far a fleet's runs are archived, and which of them are lost, in the object store.

Activity side. By the archives, so that an empty store begins anew, and whoever resumes needs to
remember nothing. Two that write at the same time do no harm: each says what was true a moment ago.
"""

from activities.audit.archive_store import READS_AT_ONCE, encoded
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from rota.archive import ArchiveProgress
from rota.audit.archived import LOST, LostRun, lost_place, progress_place


async def read_progress(store: ObjectStore, fleet: str) -> ArchiveProgress:
    """Return how far a fleet's runs are archived.

    Raises:
        StoreError: the store does not answer.
    """
    value = await store.get_ref(progress_place(fleet))
    return ArchiveProgress() if value is None else ArchiveProgress.model_validate_json(value)


async def write_progress(store: ObjectStore, fleet: str, progress: ArchiveProgress) -> None:
    """Remember how far a fleet's runs are archived.

    Raises:
        StoreError: the store does not answer.
    """
    await store.set_ref(progress_place(fleet), encoded(progress))


async def note_lost(store: ObjectStore, lost: LostRun) -> None:
    """Note that a run will never be archived, so that what it left goes in its time.

    Idempotent: the first note stands.
    """
    await store.set_ref(lost_place(lost.run.key), encoded(lost), if_absent=True)


async def lost_runs(store: ObjectStore) -> list[LostRun]:
    """Return the runs that were lost and have not gone yet.

    Raises:
        StoreError: the store does not answer.
    """
    values = await side_by_side(await store.list_refs(LOST), store.get_ref, READS_AT_ONCE)
    return [LostRun.model_validate_json(value) for value in values if value is not None]
