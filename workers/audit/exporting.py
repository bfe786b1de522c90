"""From a run to its bundle: gathered, chained, made readable, sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.audit.archive_store import archive_of
from activities.audit.collect import collect_run
from activities.audit.content_keys import content_key
from activities.audit.holding import all_holds
from activities.audit.proofs import checkpoint_of_run
from rota.audit.archived import ArchivedRun
from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.chain import Chain, format_at
from rota.audit.checkpoints import SignedCheckpoint
from rota.audit.entries import chain_of
from rota.audit.hashing import erasure_key
from rota.audit.keeping import Keeping, keeping_of
from rota.audit.retention import FleetRetention, Hold
from rota.audit.run_record import RunRecord
from rota.audit.seals import Signer, index_of, sealed
from rota.fleet_file import FleetFile
from rota.model import canonical_json
from rota.notices.receipts import Receipt
from workers.audit.announced import receipts_for
from workers.audit.archived import read_archive
from workers.audit.report import render
from workers.audit.sheets import sheets
from workers.audit.verifier import verifier
from workers.cli.server import Link


class ErasedRunError(Exception):
    """The run's content was erased, and there is no archive to take its chain from."""


@dataclass(frozen=True)
class Bundle:
    """A bundle, not yet written."""

    record: RunRecord
    head: str
    records: int
    files: dict[str, bytes]
    signed: bool
    archived: bool
    """If not, it may have another head when it is exported again."""
    in_checkpoint: bool

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` says of it."""
        return {
            "run_id": self.record.run.id,
            "records": self.records,
            "head": self.head,
            "files": len(self.files),
            "signed": self.signed,
            "archived": self.archived,
            "in_checkpoint": self.in_checkpoint,
            "ended": self.record.ended is not None,
            "notes": list(self.record.notes),
        }


@dataclass(frozen=True)
class Desk:
    """Where bundles are made: what all of one command are made with."""

    link: Link
    file: FleetFile
    signer: Signer | None
    holds: list[Hold]
    at: datetime

    def keeping(self, archived: ArchivedRun) -> Keeping:
        """How long a run is kept."""
        retention = FleetRetention(self.file.name, self.file.audit.retention)
        return keeping_of(archived, retention, self.holds, self.at)


async def desk_of(link: Link, file: FleetFile, signer: Signer | None, at: datetime) -> Desk:
    """Return a desk.

    Raises:
        StoreError: the store does not answer.
    """
    return Desk(link, file, signer, await all_holds(link.store), at)


async def export_run(desk: Desk, run_id: str, execution: str | None = None) -> Bundle:
    """Make the bundle of a run: from the archive if it is there, else from server and store.

    Once a run is archived it gives the same chain for ever. Before, what is said of it may still
    change: its ledger entry, its effects, the versions of Rota and the server, what cuts secrets
    out. The bundle says so.

    Raises:
        activities.audit.collect.RunUnknownError: the server does not know it.
        ErasedRunError: its content was erased.
        OtherHeadError: its checkpoint has another head.
        DamagedArchiveError: it is archived, and cannot be read.
        StoreError: the store does not answer, or refuses the key.
    """
    client, store = desk.link.client, desk.link.store
    archived = await archive_of(client, store, run_id, execution)
    if archived is not None:
        return await bundle_of_archive(desk, archived)
    record = await collect_run(client, store, run_id, desk.file, execution)
    key = await content_key(store, record.run.key)
    if key.destroyed is not None:
        gone = key.destroyed
        raise ErasedRunError(
            f"the content of {run_id} was erased by {gone.by} on {gone.at:%Y-%m-%d}: {gone.reason}"
        )
    checkpoint = await checkpoint_of_run(store, record.run.key)
    receipts = await receipts_for(desk.link, record)
    return bundle_from(record, key.secret, desk.signer, checkpoint, receipts)


async def bundle_of_archive(desk: Desk, archived: ArchivedRun) -> Bundle:
    """Make the bundle of an archived run; of one that was erased, of its chain alone.

    Raises:
        OtherHeadError: its checkpoint has another head.
        DamagedArchiveError: it cannot be read.
        StoreError: an object is missing or damaged, or the store does not answer.
    """
    opened, record = await read_archive(desk.link.store, archived)
    checkpoint = await checkpoint_of_run(desk.link.store, archived.run.key)
    receipts = await receipts_for(desk.link, record)
    keeping = desk.keeping(archived)
    erasure = await checkpoint_of_run(desk.link.store, erasure_key(archived.run.key))
    return _bundle(record, opened.chain, desk.signer, checkpoint, receipts, keeping, erasure)


def bundle_from(
    record: RunRecord,
    key: bytes,
    signer: Signer | None,
    checkpoint: SignedCheckpoint | None = None,
    receipts: Sequence[Receipt] | None = None,
) -> Bundle:
    """Make the bundle of a record that is not archived. Pure."""
    return _bundle(record, chain_of(record, key), signer, checkpoint, receipts, None)


def _bundle(
    record: RunRecord,
    chain: Chain,
    signer: Signer | None,
    checkpoint: SignedCheckpoint | None,
    receipts: Sequence[Receipt] | None,
    keeping: Keeping | None,
    erasure_checkpoint: SignedCheckpoint | None = None,
) -> Bundle:
    facts: dict[str, Any] = {
        "agent": record.agent,
        "kind": record.kind,
        "namespace": record.namespace,
        "status": record.status.value,
        "started": format_at(record.started),
        "ended": format_at(record.ended) if record.ended else None,
        "archived": keeping is not None,
        "versions": record.versions.model_dump(mode="json"),
        "notes": list(record.notes),
    }
    if keeping is not None:
        facts["keeping"] = keeping.model_dump(mode="json")
    destroyed = keeping.destroyed if keeping else None
    views: dict[str, bytes] = {}
    if destroyed is None:
        page = render(record, chain.head, receipts, keeping)
        views = {"report.html": page, **sheets(record)}
    parts = BundleParts(
        run=record.run,
        chain=chain,
        verifier=verifier(),
        facts=facts,
        views=views,
        destroyed=destroyed,
        checkpoint=checkpoint,
        erasure_checkpoint=erasure_checkpoint,
    )
    files = bundle_of(parts, signer)
    return Bundle(
        record=record,
        head=chain.head,
        records=chain.count,
        files=files,
        signed=signer is not None,
        archived=keeping is not None,
        in_checkpoint="checkpoint.json" in files,
    )


def index_files(heads: dict[str, str], signer: Signer | None) -> dict[str, bytes]:
    """Return what lies beside several bundles, by path: their index, and the verifier.

    Args:
        heads: Of each bundle, by its folder.
        signer: Signs the index, so that nobody takes a bundle away unseen.
    """
    index = canonical_json(sealed(index_of(heads), signer))
    return {"index.json": index, "verify.py": verifier().encode()}
