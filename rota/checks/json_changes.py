"""What differs between two JSON documents, in lines that people can judge. Pure.

Objects are compared key by key. Lists are compared as collections, since results list what was
found in whatever order: an entry is there or is not, as often as it is there.
"""

from collections import Counter
from enum import StrEnum
from typing import Any, cast

from rota.model import Record, canonical_json


class Change(StrEnum):
    """What happened to a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class JsonChange(Record):
    """One value that differs."""

    path: str
    """Keys joined by dots; `[]` stands for an entry of a list; empty for the whole document."""
    change: Change
    before: Any = None
    after: Any = None


def json_changes(before: Any, after: Any, path: str = "") -> list[JsonChange]:
    """What differs, in the order of keys; of a list what was removed, then what was added."""
    if canonical_json(before) == canonical_json(after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_objects(cast("dict[str, Any]", before), cast("dict[str, Any]", after), path)
    if isinstance(before, list) and isinstance(after, list):
        return _of_lists(cast("list[Any]", before), cast("list[Any]", after), f"{path}[]")
    return [JsonChange(path=path, change=Change.CHANGED, before=before, after=after)]


def _of_objects(before: dict[str, Any], after: dict[str, Any], path: str) -> list[JsonChange]:
    found: list[JsonChange] = []
    for key in sorted({*before, *after}):
        name = f"{path}.{key}" if path else key
        if key not in after:
            found.append(JsonChange(path=name, change=Change.REMOVED, before=before[key]))
        elif key not in before:
            found.append(JsonChange(path=name, change=Change.ADDED, after=after[key]))
        else:
            found += json_changes(before[key], after[key], name)
    return found


def _of_lists(before: list[Any], after: list[Any], path: str) -> list[JsonChange]:
    gone = _without(before, after)
    come = _without(after, before)
    if not gone and not come:
        return [JsonChange(path=path, change=Change.CHANGED, before=before, after=after)]
    return [
        *(JsonChange(path=path, change=Change.REMOVED, before=entry) for entry in gone),
        *(JsonChange(path=path, change=Change.ADDED, after=entry) for entry in come),
    ]


def _without(entries: list[Any], others: list[Any]) -> list[Any]:
    """Those of `entries` that `others` does not have, or not as often."""
    left = Counter(canonical_json(entry) for entry in others)
    found: list[Any] = []
    for entry in entries:
        text = canonical_json(entry)
        if left[text]:
            left[text] -= 1
        else:
            found.append(entry)
    return found
