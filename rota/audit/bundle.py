"""A bundle: everything about one run in files that a stranger can read and check.

Pure: from a chain to files by their paths. `manifest.json` names every file with its digest,
`seal.json` signs that and every record, `events.jsonl` is the chain, `content.json` says where each
record's content lies, with its salt. The rest are the same facts for people, and the verifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rota.audit.chain import Chain
from rota.audit.checkpoints import SignedCheckpoint
from rota.audit.content_key import Destruction
from rota.audit.hashing import erasure_head, erasure_key, sha256
from rota.audit.seals import Signer, seal_of, sealed
from rota.model import canonical_json
from rota.run_ref import RunRef

FORM = "rota-bundle/1"
VERIFIER = "verify.py"


class OtherHeadError(Exception):
    """The checkpoint of a run's day has another head of its chain than the one at hand."""


@dataclass(frozen=True)
class BundleParts:
    """What a bundle is made of."""

    run: RunRef
    chain: Chain
    verifier: str
    """Source of `verify.py`."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the manifest says besides: agent, versions, notes."""
    views: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """The same facts for people, by path; nothing but the seal covers them."""
    destroyed: Destruction | None = None
    """Set if the run's content was erased: then the chain has no pieces."""
    checkpoint: SignedCheckpoint | None = None
    """The one that the run is in; None if it is not yet in one."""
    erasure_checkpoint: SignedCheckpoint | None = None
    """The one that its erasure is in, likewise."""


def bundle_of(parts: BundleParts, signer: Signer | None) -> dict[str, bytes]:
    """Return the files of a bundle, signed if there is a key.

    Raises:
        OtherHeadError: the run's record was changed since its checkpoint was made.
    """
    chain = parts.chain
    files = {
        "events.jsonl": b"".join(
            canonical_json(record.model_dump(mode="json")) + b"\n" for record in chain.records
        ),
        "content.json": canonical_json(
            {piece.place: {"path": piece.path, "salt": piece.salt.hex()} for piece in chain.pieces}
        ),
        **{piece.path: piece.data for piece in chain.pieces},
        **parts.views,
        VERIFIER: parts.verifier.encode(),
    }
    manifest: dict[str, Any] = {
        **parts.facts,
        "format": FORM,
        "run": parts.run.model_dump(mode="json"),
        "records": chain.count,
        "head": chain.head,
        "files": {path: sha256(data) for path, data in files.items()},
    }
    if parts.destroyed is not None:
        manifest["destroyed"] = parts.destroyed.model_dump(mode="json")
    files["manifest.json"] = canonical_json(manifest)
    statement = seal_of(chain, parts.run.key, sha256(files["manifest.json"]))
    files["seal.json"] = canonical_json(sealed(statement, signer))
    run = parts.run.key
    if parts.checkpoint is not None:
        files["checkpoint.json"] = _proven(parts, parts.checkpoint, run, chain.head)
    if parts.erasure_checkpoint is not None and parts.destroyed is not None:
        head = erasure_head(run, chain.head, manifest["destroyed"])
        day = parts.erasure_checkpoint
        files["erasure-checkpoint.json"] = _proven(parts, day, erasure_key(run), head)
    return files


def _proven(parts: BundleParts, day: SignedCheckpoint, key: str, head: str) -> bytes:
    proven = day.proven(key, head)
    if proven is None:
        told = day.checkpoint
        raise OtherHeadError(
            f"{parts.run.id}: the checkpoint of {told.agent} of {told.day} does not have the head "
            f"{head} that {key} has now: one of them was changed in the store"
        )
    return canonical_json(proven)
