"""Whether one archived run verifies: read back from the store, and checked as its bundle would be.

Activity side: reads, changes nothing. What nobody may find any more is no damage: a run whose
retention is over, and the content of one that was erased.
"""

import asyncio
import gzip
import zlib
from typing import NamedTuple

from activities.audit.archive_store import OpenedArchive, get_archive, open_archive
from activities.audit.sealing import DamagedContentError
from activities.stores.base import (
    DamagedError,
    KeyNeededError,
    ObjectMissingError,
    ObjectStore,
    PlainBlobError,
)
from rota.audit.archived import ArchivedRun, expired_place
from rota.audit.bundle import BundleParts, OtherHeadError, bundle_of
from rota.audit.chain import format_at
from rota.audit.checking import check
from rota.audit.checkpoints import SignedCheckpoint
from rota.audit.hashing import erasure_key
from rota.audit.statements import FORM_ERRORS, UnreadableError

DAMAGE = (
    *(ObjectMissingError, DamagedError, PlainBlobError, KeyNeededError, DamagedContentError),
    *(OtherHeadError, UnreadableError, gzip.BadGzipFile, EOFError, zlib.error, *FORM_ERRORS),
)
"""What reading something ends with that is not as it was put there. A store that does not answer
is none of it."""


class Judged(NamedTuple):
    """What was found of one run."""

    problem: str
    """Empty if it holds."""
    run_id: str = ""
    """Empty if nobody knows."""


async def judge_run(store: ObjectStore, key: str, checkpoint: SignedCheckpoint | None) -> Judged:
    """Read an archived run back and check it.

    Args:
        store: Where it lies.
        key: `RunRef.key`.
        checkpoint: The one that it, or its erasure, is in; None: it is in none yet.

    Raises:
        StoreError: the store does not answer.
    """
    judged = await _judged(store, key, checkpoint)
    if judged.problem and await store.get_ref(expired_place(key)) is not None:
        return Judged("", judged.run_id)
    return judged


async def _judged(store: ObjectStore, key: str, checkpoint: SignedCheckpoint | None) -> Judged:
    run_id = ""
    try:
        archived = await get_archive(store, key)
        if archived is None:
            return Judged("its archive is not in the store any more")
        run_id = archived.run.id
        if archived.run.key != key:
            return Judged("in its place stands the archive of another run", run_id)
        opened = await open_archive(store, archived)
        # Hashing a long run takes a while, in which other steps of the worker must go on.
        return Judged(await asyncio.to_thread(_problem, archived, opened, checkpoint), run_id)
    except DAMAGE as error:
        return Judged(" ".join(str(error).split()) or type(error).__name__, run_id)


def _problem(
    archived: ArchivedRun, opened: OpenedArchive, checkpoint: SignedCheckpoint | None
) -> str:
    """The first thing that is wrong; empty if all holds."""
    key, chain = archived.run.key, opened.chain
    leaves = {each.run for each in checkpoint.runs} if checkpoint else set[str]()
    erased = erasure_key(key) in leaves
    if erased and opened.destroyed is None:
        return "its checkpoint says that it was erased, and it is there"
    parts = BundleParts(
        run=archived.run,
        chain=chain,
        verifier="",
        facts={
            "agent": archived.agent,
            "kind": archived.kind,
            "namespace": archived.namespace,
            "status": archived.status.value,
            "started": format_at(archived.started),
            "ended": format_at(archived.ended),
        },
        destroyed=opened.destroyed,
        checkpoint=checkpoint if key in leaves else None,
        erasure_checkpoint=checkpoint if erased else None,
    )
    # Not sealed: whose keys sign checkpoints is looked at there, once for all runs of a day.
    found = check(bundle_of(parts, None)).problems
    if not found and (archived.head, archived.records) != (chain.head, chain.count):
        return "its chain is not the one that was archived"
    return found[0] if found else ""
