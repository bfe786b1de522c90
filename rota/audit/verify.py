"""Checks bundles of `rota audit export`; needs Python 3.10 or later, and nothing else.

    python verify.py [BUNDLE] [--key FILE|HEX]...

Exit code 0: all holds. 1: something was changed, and the first bad record is named. 2: there is
no bundle, or it cannot be read. A copy of this code lies in every bundle, in one file with what it
imports of its own package (`rota.audit.standalone`); `rota audit verify` runs the same functions.

A bundle is checked in four layers: each record's hash covers its words and the hash before it;
each record commits to its content by a salted hash; the seal, an Ed25519 signature, covers every
record's hash and every file; the checkpoint of a day, signed apart, covers the chain's head.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rota.audit.ed25519 import key_id, public_key, signature_holds
from rota.audit.hashing import (
    GENESIS,
    KEYS,
    canonical,
    commitment,
    leaf_hash,
    record_hash,
    root_of_path,
    sha256,
)

CLOSED = "closed"
"""Kind of the last record: it says how many there are, so that a cut tail shows."""
EVENT = "event"
"""Kind of a record that stands for one event of a history."""
APART = {"manifest.json", "seal.json", "checkpoint.json"}
"""Files that no manifest lists: it cannot list itself, and these vouch for it."""


class UnreadableError(Exception):
    """There is no bundle, or it is none that this program can read."""


@dataclass
class Report:
    """What was found."""

    run: str = ""
    records: int = 0
    head: str = ""
    problems: list[str] = field(default_factory=list[str])
    """Empty if all holds; the first names the first bad record, if a record is bad."""
    notes: list[str] = field(default_factory=list[str])
    """What holds only under a condition, and what nobody can say."""
    first_bad: int | None = None
    """Number of the first bad record, from 0."""

    def blame(self, seq: int, text: str) -> None:
        """Note a bad record."""
        self.first_bad = seq if self.first_bad is None else min(seq, self.first_bad)
        self.problems.append(f"record {seq}: {text}")


def check(files: Mapping[str, bytes], keys: Sequence[bytes] = ()) -> Report:
    """Check one bundle, given as its files by their paths.

    Args:
        files: All there are, with `/` between the parts of a path.
        keys: Public keys that are trusted; none: those that came with the bundle are told.

    Raises:
        UnreadableError: it is no bundle, or one of a later form.
    """
    try:
        manifest = json.loads(files["manifest.json"])
        if manifest["format"] != "rota-bundle/1":
            raise UnreadableError(
                f"form {manifest['format']!r} is not known: use a later verify.py"
            )
        report = Report(run=str(manifest["run"]["id"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"no manifest.json of a bundle: {error!r}") from error
    try:
        seal = _statement(report, files, "seal.json", "rota-seal/1", keys)
        _check_chain(report, files, manifest, seal)
        _check_files(report, files, manifest, seal)
        if "checkpoint.json" in files:
            _check_checkpoint(report, files, keys)
        else:
            report.notes.append("not yet in a checkpoint")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        report.problems.append(f"a file has not the form it should have: {error!r}")
    return report


def _statement(
    report: Report, files: Mapping[str, bytes], name: str, form: str, keys: Sequence[bytes]
) -> dict[str, Any]:
    """Return what the file `name` says, and note whether its signature holds."""
    signed = json.loads(files[name])
    statement: dict[str, Any] = signed["statement"]
    public, signature = bytes.fromhex(signed["key"]), bytes.fromhex(signed["signature"])
    if not signature and not keys:
        report.notes.append(f"{name} is not signed: whoever had it could have written it anew")
    elif statement["format"] != form or not signature_holds(
        public, canonical(statement), signature
    ):
        report.problems.append(f"{name}: its signature does not hold")
    elif keys and public not in keys:
        report.problems.append(f"{name}: signed with another key than yours, {key_id(public)}")
    elif not keys:
        report.notes.append(
            f"{name}: its key {key_id(public)} came with it: name the one you trust with --key"
        )
    return statement


def _check_chain(
    report: Report, files: Mapping[str, bytes], manifest: Any, seal: Mapping[str, Any]
) -> None:
    lines, index = files["events.jsonl"].split(b"\n"), json.loads(files["content.json"])
    sealed, prev, kind, erased = seal["hashes"], GENESIS, "", 0
    due: list[list[int]] = []
    for seq, line in enumerate(lines[:-1] if lines[-1] == b"" else lines):
        record, problem = _read(line, seq, prev)
        if not problem and sealed[seq : seq + 1] != [record["hash"]]:
            problem = "it is not the one that was sealed"
        if not problem and seq == 0:
            due = [[each["first"], each["last"]] for each in record["body"]["executions"]]
        problem = problem or _event_problem(record, due)
        if problem:
            return report.blame(seq, problem)
        erased += _check_content(report, files, record, index, "destroyed" in manifest)
        prev, kind, report.records = record["hash"], record["kind"], seq + 1
    report.head = prev
    if kind != CLOSED or len(sealed) != report.records:
        return report.blame(report.records, "missing: the chain ends without its last records")
    if index:
        report.problems.append(f"content that no record knows: {sorted(index)[0]}")
    if erased:
        report.notes.append(f"{erased} pieces of content were erased, as the manifest says")
    return None


def _read(line: bytes, seq: int, prev: str) -> tuple[Any, str]:
    """Return the record of a line, and what is wrong with it."""
    try:
        record = json.loads(line)
        if sorted(record) != KEYS or canonical(record) != line:
            return None, "it has not the form of a record"
    except (ValueError, TypeError, RecursionError):
        return None, "it has not the form of a record"
    if record["seq"] != seq:
        return record, f"in its place stands record {record['seq']}"
    if record["prev"] != prev:
        return record, "it does not follow the record before it"
    if record["hash"] != record_hash(record):
        return record, "its words are not those that were hashed"
    return record, ""


def _event_problem(record: Any, due: list[list[int]]) -> str:
    """Compare a record with the histories' events that are due; count one that is there."""
    body = record["body"]
    if record["kind"] == EVENT:
        expected: list[int] = due[int(body["execution"])]
        if body["event"] != expected[0]:
            return f"it is not event {expected[0]} of its history"
        expected[0] += 1
    elif record["kind"] == CLOSED:
        if body["count"] != record["seq"] or body["head"] != record["prev"]:
            return "it closes another chain"
        if any(first != last + 1 for first, last in due):
            return "it closes a chain without all events of its history"
    return ""


def _check_content(
    report: Report, files: Mapping[str, bytes], record: Any, index: Any, destroyed: bool
) -> int:
    """Compare a record's content with what it commits to; return how much of it was erased."""
    erased, seq = 0, record["seq"]
    for name, told in record["body"].get("content", {}).items():
        place = index.pop(f"{seq}/{name}", None)
        data = files.get(place["path"]) if place else None
        if place is None and destroyed:
            erased += 1
        elif place is None or data is None:
            report.blame(seq, f"its content '{name}' is missing")
        elif commitment(bytes.fromhex(place["salt"]), data) != told["sha256"]:
            report.blame(seq, f"its content '{name}' was changed: {place['path']}")
    return erased


def _check_files(
    report: Report, files: Mapping[str, bytes], manifest: Any, seal: Mapping[str, Any]
) -> None:
    if sha256(files["manifest.json"]) != seal["manifest"]:
        report.problems.append("manifest.json: it is not the one that was sealed")
    if report.first_bad is None and manifest["head"] != report.head:
        report.problems.append("manifest.json: it names another head than the chain has")
    for path, digest in manifest["files"].items():
        if path not in files:
            report.problems.append(f"{path}: missing")
        elif sha256(files[path]) != digest:
            report.problems.append(f"{path}: changed")
    for path in sorted(set(files) - set(manifest["files"]) - APART):
        report.problems.append(f"{path}: it does not belong to the bundle")


def _check_checkpoint(report: Report, files: Mapping[str, bytes], keys: Sequence[bytes]) -> None:
    day = _statement(report, files, "checkpoint.json", "rota-checkpoint/1", keys)
    proof = json.loads(files["checkpoint.json"])["proof"]
    path = [bytes.fromhex(step) for step in proof["path"]]
    leaf = leaf_hash(report.head or GENESIS)
    root = root_of_path(leaf, proof["index"], day["count"], path)
    if root is None or root.hex() != day["root"]:
        report.problems.append(f"checkpoint.json: the run's head is not in that of {day['day']}")


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder.

    Raises:
        UnreadableError: one is a link, which may lead anywhere.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise UnreadableError(f"{path} is a symbolic link")
        if path.is_file() and "__pycache__" not in path.parts:
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def check_folder(folder: Path, keys: Sequence[bytes] = ()) -> list[Report]:
    """Check a bundle, or a folder of them with its `index.json`.

    Raises:
        UnreadableError: there is none, or one cannot be read.
    """
    if not (folder / "index.json").is_file():
        return [check(read_folder(folder), keys)]
    whole = Report(run="index.json")
    try:
        files = {"index.json": (folder / "index.json").read_bytes()}
        listed = _statement(whole, files, "index.json", "rota-index/1", keys)["runs"]
        named = {each["folder"]: each["head"] for each in listed}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"index.json has another form: {error!r}") from error
    there = {path.name for path in folder.iterdir() if path.is_dir()} - {"__pycache__"}
    whole.problems += [f"{name}: missing" for name in sorted(named.keys() - there)]
    whole.problems += [f"{name}: not in the index" for name in sorted(there - named.keys())]
    reports = [whole]
    for name in sorted(there & named.keys()):
        reports.append(check(read_folder(folder / name), keys))
        if reports[-1].head != named[name]:
            whole.problems.append(f"{name}: its head is not the one of the index")
    return reports


def lines_of(report: Report) -> list[str]:
    """Return what was found, for people."""
    holds = "CHANGED" if report.problems else "holds"
    counts = f", {report.records} records, head {report.head or '-'}" if report.records else ""
    notes = [f"note: {text}" for text in report.notes]
    return [f"{report.run}: {holds}{counts}", *(f"  {text}" for text in report.problems + notes)]


def _trusted(text: str) -> bytes:
    return public_key(text if len(text) == 64 else Path(text).read_text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names and print what was found."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Checks bundles of Rota.")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument(
        "--key", action="append", default=[], help="trusted public key: file or hex"
    )
    options = parser.parse_args(arguments)
    try:
        reports = check_folder(options.bundle, [_trusted(text) for text in options.key])
    except (UnreadableError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for report in reports:
        sys.stdout.write("\n".join(lines_of(report)) + "\n")
    return int(any(report.problems for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
