"""The proof that one run is in the tree over the runs of a day.

Pure. Hashing as in RFC 6962, so that no leaf can be taken for a node. A proof shows nothing of
other runs but hashes.
"""

from collections.abc import Sequence

from rota.audit.hashing import root_of
from rota.model import Record


class InclusionProof(Record):
    """The way from one leaf to the root."""

    index: int
    """Which leaf, from 0."""
    path: tuple[str, ...]
    """Hexadecimal hashes of the neighbours, from the leaf up."""


def proof_of(heads: Sequence[str], index: int) -> InclusionProof:
    """Return the proof that `heads[index]` is among `heads`."""
    return InclusionProof(index=index, path=tuple(_path(heads, index)))


def _path(heads: Sequence[str], index: int) -> list[str]:
    if len(heads) == 1:
        return []
    split = _split(len(heads))
    if index < split:
        return [*_path(heads[:split], index), root_of(heads[split:])]
    return [*_path(heads[split:], index - split), root_of(heads[:split])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
