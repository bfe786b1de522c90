"""Checks one bundle: its chain, what lies beside it, its files, its seal, its checkpoint.

Part of the verifier that lies in every bundle, so standard library alone.
"""

import json
from collections.abc import Mapping
from typing import Any

from rota.audit.days import Leaf, check_leaf
from rota.audit.hashing import (
    CLOSED,
    EVENT,
    GENESIS,
    KEYS,
    SALT_BYTES,
    canonical,
    commitment,
    erasure_head,
    erasure_key,
    record_hash,
    sha256,
)
from rota.audit.statements import FORM_ERRORS, NOBODY, Report, Trust, UnreadableError, read_signed

FORM = "rota-bundle/1"
APART = {"manifest.json", "seal.json", "checkpoint.json", "erasure-checkpoint.json"}
"""Files that no manifest lists: it cannot list itself, and these vouch for it."""


def check(files: Mapping[str, bytes], trust: Trust = NOBODY) -> Report:
    """Check one bundle, given as its files by their paths.

    Args:
        files: All there are, with `/` between the parts of a path.
        trust: Of whoever checks. Without keys those that came with the bundle are told.

    Raises:
        UnreadableError: it is no bundle, or one of a later form.
    """
    try:
        manifest = json.loads(files["manifest.json"])
        if manifest["format"] != FORM:
            raise UnreadableError(
                f"form {manifest['format']!r} is not known: use a later verify.py"
            )
        report = Report(run=str(manifest["run"]["id"]))
    except FORM_ERRORS as error:
        raise UnreadableError(f"no manifest.json of a bundle: {error!r}") from error
    try:
        seal, _ = read_signed(report, "seal.json", files["seal.json"], "rota-seal/1", trust)
        records = _Chain(report, files, manifest, seal.statement["hashes"]).read()
        _check_files(report, files, manifest, seal.statement)
        if report.first_bad is None:
            _check_facts(report, manifest, records[0], records[-1])
            seal.reach(report, report.day, trust)
            for leaf in _leaves(report, manifest, records[0]):
                check_leaf(report, files, leaf, trust)
    except FORM_ERRORS as error:
        report.problems.append(f"a file has not the form it should have: {error!r}")
    return report


class _Chain:
    """Goes through the records and the content beside them."""

    def __init__(
        self, report: Report, files: Mapping[str, bytes], manifest: Any, sealed: list[str]
    ) -> None:
        self._report = report
        self._files = files
        self._sealed = sealed
        self._places: dict[str, Any] = json.loads(files["content.json"])
        self._destroyed = "destroyed" in manifest
        self._due: list[list[int]] = []
        """Next event, and last one, of each history."""
        self._erased = 0

    def read(self) -> list[Any]:
        """Return the records that hold."""
        report, records, prev = self._report, list[Any](), GENESIS
        if self._destroyed and self._places:
            report.problems.append("content.json: there is content, though it was all erased")
        lines = self._files["events.jsonl"].split(b"\n")
        for seq, line in enumerate(lines[:-1] if lines[-1] == b"" else lines):
            record, problem = _read(line, seq, prev)
            if not problem and self._sealed[seq : seq + 1] != [record["hash"]]:
                problem = "it is not the one that was sealed"
            try:
                problem = problem or self._events_problem(record)
                if not problem:
                    self._check_content(record)
            except FORM_ERRORS:
                problem = "it, or the place of its content, has not the form of its kind"
            if problem:
                report.blame(seq, problem)
                return records
            prev = report.head = record["hash"]
            records.append(record)
            report.records = seq + 1
        self._close(records)
        return records

    def _events_problem(self, record: Any) -> str:
        """Compare a record with the events that are due; count one that is there."""
        body = record["body"]
        if record["seq"] == 0:
            self._due = [[int(each["first"]), int(each["last"])] for each in body["executions"]]
        if record["kind"] == EVENT:
            if body["execution"] not in range(len(self._due)):
                return "it is of a history that the first record does not name"
            due = self._due[int(body["execution"])]
            if body["event"] != due[0]:
                return f"it is not event {due[0]} of its history"
            due[0] += 1
        elif record["kind"] == CLOSED:
            if body["count"] != record["seq"] or body["head"] != record["prev"]:
                return "it closes another chain"
            if any(first != last + 1 for first, last in self._due):
                return "it closes a chain without all events of its history"
        return ""

    def _check_content(self, record: Any) -> None:
        """Compare a record's content with what it commits to; count what was erased."""
        seq, body = record["seq"], record["body"]
        for name, told in body.get("content", {}).items():
            place = self._places.pop(f"{seq}/{name}", None)
            data = self._files.get(place["path"]) if place else None
            if place is None and self._destroyed:
                self._erased += 1
            elif place is None or data is None:
                self._report.blame(seq, f"its content '{name}' is missing")
            elif not _holds(told, bytes.fromhex(place["salt"]), data):
                self._report.blame(seq, f"its content '{name}' was changed: {place['path']}")
            elif name.startswith("history-") and seq == 0:
                number = int(name.removeprefix("history-"))
                if body["executions"][number]["sha256"] != sha256(data):
                    self._report.blame(seq, f"it names another history than {place['path']}")

    def _close(self, records: list[Any]) -> None:
        report = self._report
        if not records or records[-1]["kind"] != CLOSED or len(self._sealed) != len(records):
            report.blame(len(records), "missing: the chain ends without its last records")
            return
        report.day = records[-1]["at"][:10]
        if self._places and not self._destroyed:
            report.problems.append(f"content that no record knows: {sorted(self._places)[0]}")
        if self._erased:
            report.notes.append(
                f"{self._erased} pieces of content were erased, as the manifest says"
            )


def _read(line: bytes, seq: int, prev: str) -> tuple[Any, str]:
    """Return the record of a line, and what is wrong with it."""
    try:
        record = json.loads(line)
        if sorted(record) != KEYS or canonical(record) != line:
            return None, "it has not the form of a record"
    except FORM_ERRORS:
        return None, "it has not the form of a record"
    if record["seq"] != seq:
        return record, f"in its place stands record {record['seq']}"
    if record["prev"] != prev:
        return record, "it does not follow the record before it"
    if record["hash"] != record_hash(record):
        return record, "its words are not those that were hashed"
    return record, ""


def _holds(told: Mapping[str, Any], salt: bytes, data: bytes) -> bool:
    """True if content is what a record commits to, and none of it was moved into its salt."""
    as_long = len(salt) == SALT_BYTES and len(data) == told["bytes"]
    return as_long and commitment(salt, data) == told["sha256"]


def _check_files(
    report: Report, files: Mapping[str, bytes], manifest: Any, seal: Mapping[str, Any]
) -> None:
    if sha256(files["manifest.json"]) != seal["manifest"]:
        report.problems.append("manifest.json: it is not the one that was sealed")
    for path, digest in manifest["files"].items():
        if path not in files:
            report.problems.append(f"{path}: missing")
        elif sha256(files[path]) != digest:
            report.problems.append(f"{path}: changed")
    for path in sorted(set(files) - set(manifest["files"]) - APART):
        report.problems.append(f"{path}: it does not belong to the bundle")


def _check_facts(report: Report, manifest: Any, opened: Any, closed: Any) -> None:
    """Compare what the manifest says of the run with what its chain says."""
    first, last = opened["body"], closed["body"]
    facts = {name: first[name] for name in ("run", "agent", "kind", "namespace")}
    facts |= {"head": report.head, "records": report.records, "started": opened["at"]}
    facts |= {"status": last.get("status"), "ended": closed["at"] if last.get("ended") else None}
    report.problems += [
        f"manifest.json: its '{name}' is not that of the chain"
        for name, told in facts.items()
        if name in manifest and manifest[name] != told
    ]
    if manifest.get("archived") is False:
        report.notes.append("not yet archived: exported again it may have another head")


def _leaves(report: Report, manifest: Any, opened: Any) -> list[Leaf]:
    """What is to be in checkpoints."""
    run, agent = opened["body"]["run"]["key"], opened["body"]["agent"]
    leaves = [Leaf("run", "checkpoint.json", run, agent, report.head, report.day)]
    if "destroyed" in manifest:
        gone = manifest["destroyed"]
        head = erasure_head(run, report.head, gone)
        file, day = "erasure-checkpoint.json", gone["at"][:10]
        leaves.append(Leaf("erasure", file, erasure_key(run), agent, head, day))
    return leaves
