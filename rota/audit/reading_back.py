"""From a chain and its content back to the record of the run: what an archive or a bundle holds.

Pure. Content that was erased is missing from the record, which says so.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rota.audit.chain import ChainRecord
from rota.audit.run_record import RunRecord

_ONE = {
    "declared": ("spec", "spec"),
    "context": ("context", "context"),
    "ledger": ("entry", "ledger"),
}
"""By kind of record: the name of its content, and the field that it fills."""
_MANY = {
    "turn": ("turn", "turns"),
    "call": ("call", "calls"),
    "approval": ("approval", "approvals"),
    "effect": ("effect", "effects"),
}
"""Likewise where there are several."""


class ErasedError(Exception):
    """The content that says whose run it is was erased: there is only the chain."""


def record_of(records: Iterable[ChainRecord], content: Mapping[str, bytes]) -> RunRecord:
    """Return the record that a chain was made from.

    Args:
        records: Of the chain, which is taken to be checked.
        content: By `Piece.place`; what is not there was erased.

    Raises:
        ErasedError: nothing is left to begin with.
        pydantic.ValidationError: it was not made by Rota.
    """
    reader = _Reader(content)
    for record in records:
        reader.take(record)
    if "run" not in reader.document:
        raise ErasedError("the content of this run was erased: only its chain is left")
    return RunRecord.model_validate(reader.document)


def record_in(files: Mapping[str, bytes]) -> RunRecord:
    """Return the record that a bundle holds, which is taken to be checked.

    Args:
        files: By path.

    Raises:
        ErasedError: its content was erased.
        KeyError: a file is missing.
        ValueError: a file has another form.
    """
    lines = files["events.jsonl"].splitlines()
    records = [ChainRecord.model_validate_json(line) for line in lines]
    places: dict[str, dict[str, str]] = json.loads(files["content.json"])
    content = {place: files[where["path"]] for place, where in places.items()}
    return record_of(records, content)


class _Reader:
    """Puts the document of a record together."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self._content = content
        self.document: dict[str, Any] = {field: [] for _, field in _MANY.values()}
        self.document["attempts"] = []

    def take(self, record: ChainRecord) -> None:
        kind = record.kind
        if kind == "opened":
            self.document |= self._read(record, "record") or {}
            self.document["executions"] = list(self._executions(record))
        elif kind in _ONE:
            name, field = _ONE[kind]
            self.document[field] = self._read(record, name)
        elif kind in _MANY:
            name, field = _MANY[kind]
            found = self._read(record, name)
            self.document[field] += [] if found is None else [found]
        elif kind == "memory":
            self.document[f"memory_{record.body['when']}"] = self._read(record, "memory")
        elif kind == "attempt":
            self.document["attempts"].append(record.body)
        elif kind == "outcome":
            self.document["outcome"] = self._read(record, "result") or {}
            self.document["output"] = self._read(record, "output")

    def _read(self, record: ChainRecord, name: str) -> Any:
        data = self._content.get(f"{record.seq}/{name}")
        return None if data is None else json.loads(data)

    def _executions(self, record: ChainRecord) -> Iterator[dict[str, Any]]:
        for number, each in enumerate(record.body["executions"]):
            history = self._read(record, f"history-{number}")
            if history is not None:
                kept = {name: each[name] for name in ("run_id", "first", "last")}
                yield {**kept, "history": history}
