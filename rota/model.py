"""Base classes for every model: declared by people, or recorded by Rota.

Two classes because they evolve differently. What a person writes (`Declared`) must
refuse an unknown key, or a typo becomes a silent default. What Rota records (`Record`)
must accept one, or a rolled-back worker could not read what a newer one wrote. Records
gain fields only with defaults; fields are never removed or retyped.
"""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """Input from outside: immutable, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(BaseModel):
    """A fact written by Rota itself: immutable, unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StepResult(Record):
    """What one of Rota's own activities answers to a workflow.

    Set apart because a workflow that cannot read it must not fail: it was written by a
    newer worker, and waits, visibly, for one that can.
    """


def is_false(value: bool) -> bool:
    """For `Field(exclude_if=...)` of a flag that records gained later.

    Where it does not hold, the record's bytes, and so its digest, are what they were without.
    """
    return not value


def is_empty(value: str) -> bool:
    """For `Field(exclude_if=...)` of a text, as `is_false` is of a flag."""
    return not value


def is_none(value: object) -> bool:
    """For `Field(exclude_if=...)` of what may be missing, as `is_false` is of a flag."""
    return value is None


def canonical_json(value: Any) -> bytes:
    """Return the one JSON encoding of `value`: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: `value` holds NaN or an infinity, which JSON cannot carry.
        TypeError: `value` holds something JSON has no form for.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_of(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of `data` (64 characters)."""
    return hashlib.sha256(data).hexdigest()


def content_digest(value: Any) -> str:
    """Return the digest of the canonical JSON of `value`."""
    return digest_of(canonical_json(value))


class Declaration(Declared):
    """What stands in a document of its own: an agent, a pipeline."""

    @property
    def document(self) -> dict[str, Any]:
        """The declaration as plain JSON, defaults filled in."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def digest(self) -> str:
        """Content hash of the declaration: equal digests mean equal behaviour."""
        return content_digest(self.document)
