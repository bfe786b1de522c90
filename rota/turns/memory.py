"""A session's memory: one JSON document, changed by merge patches, kept as a chain.

Each version names the one before it, so the history of a memory can be walked, checked
and rolled back to. Patches follow RFC 7396 (JSON Merge Patch): null removes a key,
objects merge, everything else replaces.
"""

from datetime import datetime
from typing import Any

from pydantic import Field

from rota.model import Record, canonical_json, is_empty

MEMORY_LIMIT = 64 * 1024
"""Bytes of a memory document: it is read by the model on every run."""


class MemoryTooLargeError(ValueError):
    """A patch would grow the document beyond `MEMORY_LIMIT`."""


class MemoryVersion(Record):
    """One version, stored under the digest of its canonical JSON."""

    parent: str | None = None
    """Digest of the version before; None for the first."""
    version: int = 1
    document: dict[str, Any] = Field(default_factory=dict[str, Any])
    author: str = ""
    """The run id, or `person` when set by hand."""
    at: datetime
    tainted_by: str = Field(default="", exclude_if=is_empty)
    """The last run that had read what others wrote before it changed this; empty if none had, or
    a person has set it since. Such a document is shown to models as data alone."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch and return the new value; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Any] = dict(target) if isinstance(target, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
    changes: dict[str, Any] = patch  # pyright: ignore[reportUnknownVariableType]
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def apply_patches(document: dict[str, Any], patches: list[Any]) -> dict[str, Any]:
    """Apply patches in order.

    Raises:
        MemoryTooLargeError: the outcome is over the cap; the message says by how much.
        ValueError: a patch is not an object.
    """
    for patch in patches:
        if not isinstance(patch, dict):
            raise ValueError("a memory patch must be a JSON object")
        document = merge_patch(document, patch)
    check_size(document)
    return document


def check_size(document: dict[str, Any]) -> None:
    """Refuse a document over the cap.

    Raises:
        MemoryTooLargeError: the message gives both sizes and the way out.
    """
    size = len(canonical_json(document))
    if size > MEMORY_LIMIT:
        raise MemoryTooLargeError(
            f"memory would hold {size} bytes, the limit is {MEMORY_LIMIT}: remove keys by "
            "setting them to null, or keep bulk data in a tool's own store"
        )
