"""The tree over the runs of a day: its root, and the proof that one run is in it.

Pure. Hashing as in RFC 6962, so that no leaf can be taken for a node. A proof shows nothing of
other runs but hashes.
"""

from collections.abc import Sequence

from rota.audit.hashing import leaf_hash, node_hash, sha256
from rota.model import Record


class InclusionProof(Record):
    """The way from one leaf to the root."""

    index: int
    """Which leaf, from 0."""
    path: tuple[str, ...]
    """Hexadecimal hashes of the neighbours, from the leaf up."""


def root_of(heads: Sequence[str]) -> str:
    """Return the root over chains' heads, in this order; hexadecimal."""
    return _root(heads).hex() if heads else sha256(b"")


def proof_of(heads: Sequence[str], index: int) -> InclusionProof:
    """Return the proof that `heads[index]` is among `heads`."""
    return InclusionProof(index=index, path=tuple(step.hex() for step in _path(heads, index)))


def _root(heads: Sequence[str]) -> bytes:
    if len(heads) == 1:
        return leaf_hash(heads[0])
    split = _split(len(heads))
    return node_hash(_root(heads[:split]), _root(heads[split:]))


def _path(heads: Sequence[str], index: int) -> list[bytes]:
    if len(heads) == 1:
        return []
    split = _split(len(heads))
    if index < split:
        return [*_path(heads[:split], index), _root(heads[split:])]
    return [*_path(heads[split:], index - split), _root(heads[:split])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
