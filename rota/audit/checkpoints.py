"""Checkpoints: what an agent's runs of one day came to, signed, each bound to the one before.

Pure records. Who re-chains a run afterwards, an insider too, meets its head in a checkpoint that
is signed, stands in a row of others, and may lie elsewhere.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from rota.audit.hashing import root_of
from rota.audit.merkle import InclusionProof, proof_of
from rota.audit.seals import Signer
from rota.model import Record, canonical_json, content_digest

FORM = "rota-checkpoint/1"
CHECKPOINTS = "audit/checkpoints"
"""Refs of checkpoints, by agent and day: the digest of a `SignedCheckpoint`."""


class RunHead(Record):
    """A closed run of the day."""

    run: str
    """`RunRef.key`."""
    head: str


class Checkpoint(Record):
    """What is signed."""

    format: Literal["rota-checkpoint/1"] = FORM
    agent: str
    day: date
    """UTC: the day on which the runs' chains were closed."""
    count: int
    root: str
    """Of the tree over the runs' heads."""
    previous: str | None = None
    """Digest of the agent's checkpoint before; None of the first."""
    at: datetime

    @property
    def statement(self) -> dict[str, Any]:
        """As it is signed."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """What the next one names it by."""
        return content_digest(self.statement)


class SignedCheckpoint(Record):
    """A checkpoint as the object store keeps it: with the leaves of its tree."""

    checkpoint: Checkpoint
    runs: tuple[RunHead, ...]
    """In the order of the leaves."""
    key: str = ""
    """Public key, hexadecimal; empty if no signing key is declared."""
    signature: str = ""

    @property
    def handed_out(self) -> dict[str, Any]:
        """As a file that is kept apart, with its leaves: no run needs a proof to be in it."""
        return self._file(runs=[each.model_dump(mode="json") for each in self.runs])

    def proven(self, run: str, head: str) -> dict[str, Any] | None:
        """As it lies in the bundle of a run; None if it has no such run with this head."""
        proof = self.proof_for(run, head)
        return None if proof is None else self._file(proof=proof.model_dump(mode="json"))

    def _file(self, **beside: Any) -> dict[str, Any]:
        signed = {"key": self.key, "signature": self.signature}
        return {"statement": self.checkpoint.statement, **signed, **beside}

    def proof_for(self, run: str, head: str) -> InclusionProof | None:
        """Return the proof that a run is in it with this head; None if it is not."""
        heads = [each.head for each in self.runs]
        for index, each in enumerate(self.runs):
            if each.run == run and each.head == head:
                return proof_of(heads, index)
        return None


def checkpoint_place(agent: str, day: date) -> str:
    """Ref of the checkpoint of an agent and day; its value is the digest of the object."""
    return f"{CHECKPOINTS}/{agent}/{day.isoformat()}"


def proof_place(run_key: str) -> str:
    """Ref of the checkpoint that a run is in, likewise: by `RunRef.key`."""
    return f"audit/proofs/{run_key}"


def checkpoint_of(
    agent: str, day: date, runs: Sequence[RunHead], previous: Checkpoint | None, at: datetime
) -> Checkpoint:
    """Return the checkpoint of a day; `runs` in the order in which they were closed."""
    return Checkpoint(
        agent=agent,
        day=day,
        count=len(runs),
        root=root_of([each.head for each in runs]),
        previous=previous.digest if previous else None,
        at=at,
    )


def signed(
    checkpoint: Checkpoint, runs: Sequence[RunHead], signer: Signer | None
) -> SignedCheckpoint:
    """Sign a checkpoint, if there is a key."""
    return SignedCheckpoint(
        checkpoint=checkpoint,
        runs=tuple(runs),
        key=signer.key if signer else "",
        signature=signer.sign(canonical_json(checkpoint.statement)) if signer else "",
    )
