"""The chain of one run: records that follow each other by hash, and content beside them.

Pure. What is big or personal is never in a record, only a commitment to it; see
`rota.audit.content_key`. So content can be erased, and the chain verifies all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rota.audit.content_key import salt_of
from rota.audit.hashing import CLOSED, GENESIS, commitment, record_hash
from rota.model import Record


@dataclass(frozen=True)
class Content:
    """One piece of content."""

    data: bytes
    path: str = ""
    """Where it lies in a bundle; empty: `content/<seq>-<name>.<ending>`."""
    ending: str = "json"


@dataclass(frozen=True)
class Entry:
    """What is to become one record."""

    at: datetime
    kind: str
    body: dict[str, Any]
    """Facts that are nobody's secret: ids, names, counts. No floats, which JSON writes in many
    ways."""
    content: Mapping[str, Content] = field(default_factory=dict[str, Content])
    """By name."""


class ChainRecord(Record):
    """One link."""

    seq: int
    """From 0, without gaps."""
    at: str
    kind: str
    body: dict[str, Any]
    """With `content`: by name the `sha256` of salt and content, and its `bytes`."""
    prev: str
    """Hash of the record before; `GENESIS` of the first."""
    hash: str


@dataclass(frozen=True)
class Piece:
    """Content as it lies beside a chain."""

    seq: int
    name: str
    salt: bytes
    data: bytes
    path: str

    @property
    def place(self) -> str:
        """Names it within its chain."""
        return f"{self.seq}/{self.name}"


@dataclass(frozen=True)
class Chain:
    """A closed chain."""

    records: tuple[ChainRecord, ...]
    pieces: tuple[Piece, ...]
    """In the order of their records."""

    @property
    def head(self) -> str:
        """Hash of the last record: it vouches for all."""
        return self.records[-1].hash

    @property
    def count(self) -> int:
        """How many records there are, the closing one included."""
        return len(self.records)


def chained(entries: Iterable[Entry], key: bytes, closed: Entry) -> Chain:
    """Chain `entries` and close the chain.

    The same entries and key give the same chain.

    Args:
        entries: In their order.
        key: Of the run's content.
        closed: What the last record says besides count and head; its kind is `CLOSED`.
    """
    records: list[ChainRecord] = []
    pieces: list[Piece] = []
    prev = GENESIS
    for seq, entry in enumerate(entries):
        own = list(_pieces(seq, entry, key))
        records.append(_record(seq, entry, own, prev))
        pieces += own
        prev = records[-1].hash
    end = Entry(closed.at, CLOSED, {**closed.body, "count": len(records), "head": prev})
    records.append(_record(len(records), end, [], prev))
    return Chain(tuple(records), tuple(pieces))


def _pieces(seq: int, entry: Entry, key: bytes) -> Iterable[Piece]:
    for name, content in entry.content.items():
        path = content.path or f"content/{seq:06}-{name}.{content.ending}"
        yield Piece(seq, name, salt_of(key, seq, name), content.data, path)


def _record(seq: int, entry: Entry, pieces: list[Piece], prev: str) -> ChainRecord:
    body = entry.body
    if pieces:
        told = {
            piece.name: {"sha256": commitment(piece.salt, piece.data), "bytes": len(piece.data)}
            for piece in pieces
        }
        body = {**body, "content": told}
    record: dict[str, Any] = {
        "seq": seq,
        "at": format_at(entry.at),
        "kind": entry.kind,
        "body": body,
        "prev": prev,
    }
    return ChainRecord.model_construct(**record, hash=record_hash(record))


def format_at(at: datetime) -> str:
    """Print a time as records have it: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
