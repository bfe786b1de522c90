"""A closed run as the archive keeps it: its chain in clear, its content beside it, packed.

Pure: from a chain to bytes and back. Whoever writes the archive encrypts what is packed with the
run's own key, so that the content can be destroyed and the chain still verifies.
"""

import gzip
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from rota.audit.chain import Chain, ChainRecord, Piece
from rota.audit.content_key import Destruction, salt_of
from rota.audit.hashing import erasure_head, erasure_key
from rota.audit.references import digests_in_histories
from rota.audit.run_record import RunRecord
from rota.kinds import Kind
from rota.model import Record, canonical_json, digest_of
from rota.run_ref import RunRef
from rota.runs import RunStatus

ARCHIVES = "audit/archive"
"""Refs of archives: the digest of an `ArchivedRun`, by `RunRef.key`."""
PENDING = "audit/pending"
"""Refs of archived runs that no checkpoint has yet, by agent and key: a `PendingHead`."""
EXPIRED = "audit/expired"
"""Refs of runs whose retention is over: they are not archived again. By key: an `Expired`."""
LOST = "audit/lost"
"""Refs of runs that the server forgot before they were archived, by key: a `LostRun`."""
NAMESPACES = "audit/namespaces"
"""Refs of the namespaces whose runs were archived here, by name."""
ERASURES = "audit/erasures"
"""Refs of what was erased, by key: an `Erasure`."""


class ArchivedRun(Record):
    """What the archive has of one run. Holds nothing personal but digests."""

    form: Literal["rota-archive/1"] = "rota-archive/1"
    run: RunRef
    agent: str
    kind: Kind
    namespace: str
    started: datetime
    ended: datetime
    status: RunStatus
    fleet: str = ""
    """Whose declaration it worked by: that fleet says how long it is kept."""
    retention: str = ""
    """Class that the declaration named; empty: `default`."""
    records: int
    head: str
    """Hash of the chain's last record."""
    chain: str
    """Digest of the chain: its records, one on each line, compressed."""
    content: str | None
    """Digest of the content, packed and encrypted; None once it is erased."""
    objects: tuple[str, ...] = ()
    """`RunRecord.objects`, and whatever else its histories may refer to: while it is archived, none
    of them goes. Not all need be objects."""
    versions: dict[str, Any] = Field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()
    destroyed: Destruction | None = None

    def erased(self, destruction: Destruction) -> "ArchivedRun":
        """What is left once its content is destroyed."""
        gone = {"content": None, "objects": (), "notes": (), "destroyed": destruction}
        return self.model_copy(update=gone)


class PendingHead(Record):
    """An archived run that waits for the checkpoint of a day, or that it was erased."""

    run: RunRef
    head: str
    ended: datetime


def pending_erasure(run: ArchivedRun, destruction: Destruction) -> PendingHead:
    """That a run's content was destroyed, as it waits for the checkpoint of the day."""
    told = destruction.model_dump(mode="json")
    return PendingHead(
        run=RunRef(id=run.run.id, key=erasure_key(run.run.key)),
        head=erasure_head(run.run.key, run.head, told),
        ended=destruction.at,
    )


class Expired(Record):
    """A run that went when its retention was over."""

    run: RunRef
    agent: str
    ended: datetime
    at: datetime


class LostRun(Record):
    """A run that the server forgot before it was archived: what it left in the store is all."""

    run: RunRef
    agent: str
    """Empty if nobody knows."""
    fleet: str
    ended: datetime
    """Or when it was found to be lost, if nobody knows."""


class Erasure(Record):
    """That a run's content was destroyed: who, when, why, what."""

    run: RunRef
    agent: str
    destruction: Destruction
    head: str
    """Of the chain, which stays."""
    objects: int
    """How many objects of the store went with it."""
    refs: int
    """How many records of its steps did."""
    kept: int
    """How many objects stayed: what it shared with others, or what is still referred to. Not which:
    a digest tells whoever guesses what stood there."""


def archive_place(run_key: str) -> str:
    """Ref of the archive of a run."""
    return f"{ARCHIVES}/{run_key}"


def progress_place(fleet: str) -> str:
    """Ref of how far a fleet's runs are archived: an `ArchiveProgress`."""
    return f"audit/progress/{fleet}"


def pending_place(agent: str, run_key: str) -> str:
    """Ref of a run that waits for its agent's checkpoint."""
    return f"{PENDING}/{agent}/{run_key}"


def runs_place(run_id: str) -> str:
    """Below it lies a ref for each archived run with this workflow id, named by its key.

    By digest: a workflow id may hold anything.
    """
    return f"audit/runs/{digest_of(run_id.encode())}"


def expired_place(run_key: str) -> str:
    """Ref that a run's retention is over."""
    return f"{EXPIRED}/{run_key}"


def lost_place(run_key: str) -> str:
    """Ref that a run was lost."""
    return f"{LOST}/{run_key}"


def erasure_place(run_key: str) -> str:
    """Ref that a run was erased."""
    return f"{ERASURES}/{run_key}"


def archived_run(
    record: RunRecord, ended: datetime, chain: Chain, packed: str, content: str, owner: str = ""
) -> ArchivedRun:
    """Return what the archive has of a run. The same record gives the same.

    Args:
        record: Of the run.
        owner: Fleet that it counts for if it never got a declaration to work by.
        ended: When it was closed.
        chain: Made from the record.
        packed: Digest of the chain as it was stored.
        content: Digest of its content, likewise.
    """
    spec = record.spec or {}
    return ArchivedRun(
        run=record.run,
        agent=record.agent,
        kind=record.kind,
        namespace=record.namespace,
        started=record.started,
        ended=ended,
        status=record.status,
        fleet=record.fleet or owner,
        retention=str(spec.get("retention") or ""),
        records=chain.count,
        head=chain.head,
        chain=packed,
        content=content,
        objects=tuple(sorted({*record.objects, *digests_in_histories(record.executions)})),
        versions=record.versions.model_dump(mode="json"),
        notes=record.notes,
    )


def pack_chain(chain: Chain) -> bytes:
    """Return a chain's records as bytes. The same chain gives the same bytes."""
    lines = (canonical_json(record.model_dump(mode="json")) for record in chain.records)
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def pack_content(pieces: Iterable[Piece]) -> bytes:
    """Return content as bytes, to be encrypted. Salts are not in it: they derive from the key."""
    held = list(pieces)
    heading = [
        {"seq": each.seq, "name": each.name, "path": each.path, "bytes": len(each.data)}
        for each in held
    ]
    body = b"".join(each.data for each in held)
    return gzip.compress(canonical_json(heading) + b"\n" + body, mtime=0)


def unpack(chain: bytes, content: bytes | None, key: bytes) -> Chain:
    """Return the chain that was packed; without pieces if its content is not there any more.

    Raises:
        ValueError: the bytes have another form.
        OSError: they are not compressed as they should be.
    """
    lines = gzip.decompress(chain).splitlines()
    records = tuple(ChainRecord.model_validate_json(line) for line in lines)
    pieces = () if content is None else tuple(_pieces(gzip.decompress(content), key))
    return Chain(records, pieces)


def _pieces(packed: bytes, key: bytes) -> Iterable[Piece]:
    heading, _, body = packed.partition(b"\n")
    at = 0
    for each in json.loads(heading):
        end = at + each["bytes"]
        salt = salt_of(key, each["seq"], each["name"])
        yield Piece(each["seq"], each["name"], salt, body[at:end], each["path"])
        at = end
