"""What is hashed, and how: records of a chain, content beside it, the tree of a day.

Part of the verifier that lies in every bundle, so standard library alone. Whoever writes chains
uses the same functions.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

GENESIS = "0" * 64
"""What stands for the hash before the first record."""
KEYS = ["at", "body", "hash", "kind", "prev", "seq"]
"""Of a record."""
CLOSED = "closed"
"""Kind of the last record: it says how many there are, so that a cut tail shows."""
EVENT = "event"
"""Kind of a record that stands for one event of a history."""
SALT_BYTES = 32
"""Of each piece of content. Always as many, or the salt could be made longer and the content
shorter under one commitment."""


def canonical(value: Any) -> bytes:
    """Return the one JSON encoding: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256(data: bytes) -> str:
    """Return the hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def record_hash(record: Mapping[str, Any]) -> str:
    """Return the hash of a record: over all of it but its hash."""
    return sha256(canonical({key: record[key] for key in KEYS if key != "hash"}))


def commitment(salt: bytes, content: bytes) -> str:
    """Return what a record says of content that lies beside the chain."""
    return sha256(salt + content)


def erasure_key(run_key: str) -> str:
    """Return what stands in a checkpoint for the erasure of a run, instead of the run's key."""
    return f"erasure-{run_key}"


def erasure_head(run_key: str, head: str, destroyed: Mapping[str, Any]) -> str:
    """Return what stands there instead of a head: who had the content of which chain destroyed."""
    return sha256(canonical({"run": run_key, "head": head, "destroyed": destroyed}))


def leaf_hash(head: str) -> bytes:
    """Return the leaf of a run in the tree of its day (RFC 6962)."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(head)).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the node above two others (RFC 6962)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(heads: Sequence[str]) -> str:
    """Return the root over chains' heads, in this order; hexadecimal (RFC 6962)."""
    level = [leaf_hash(head) for head in heads]
    while len(level) > 1:
        pairs = [node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[len(pairs) * 2 :]]
    return level[0].hex() if level else sha256(b"")


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion path leads to (RFC 9162, 2.1.3.2); None if it fits none."""
    if not 0 <= index < size:
        return None
    at, last, node = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = node_hash(step, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, step)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None
