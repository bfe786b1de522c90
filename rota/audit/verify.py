"""Checks bundles of `rota audit export`; needs Python 3.10 or later, and nothing else.

    python verify.py [BUNDLE] [--key FILE|HEX]... [--old-key FILE|HEX DAY]... [--checkpoint FILE]...

Exit code 0: all holds. 1: something was changed, and the first bad record is named. 2: there is
no bundle, or it cannot be read. A copy of this code lies in every bundle, in one file with what it
imports of its own package (`rota.audit.standalone`); `rota audit verify` runs the same functions.

A bundle is checked in four layers: each record's hash covers its words and the hash before it;
each record commits to its content by a salted hash; the seal, an Ed25519 signature, covers every
record's hash and every file; the checkpoint of a day, signed apart, covers the chain's head.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rota.audit.checking import check
from rota.audit.days import read_days
from rota.audit.ed25519 import public_key
from rota.audit.statements import (
    FORM_ERRORS,
    NOBODY,
    Report,
    Trust,
    UnreadableError,
    read_signed,
)

BESIDE = {"index.json", "verify.py"}
"""What lies beside several bundles."""


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder.

    Raises:
        UnreadableError: one is a link, which may lead anywhere.
    """
    paths = sorted(folder.rglob("*"))
    _refuse_links(paths)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and not _is_compiled(path, folder)
    }


def _refuse_links(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_symlink():
            raise UnreadableError(f"{path} is a symbolic link")


def _is_compiled(path: Path, folder: Path) -> bool:
    """True of what Python leaves beside a verifier that was imported."""
    own = path.name.startswith("verify.") and path.suffix == ".pyc"
    return own and path.parent == folder / "__pycache__"


def check_folder(folder: Path, trust: Trust = NOBODY) -> list[Report]:
    """Check a bundle, or a folder of them with its `index.json`.

    Raises:
        UnreadableError: there is none, or one cannot be read.
    """
    if not (folder / "index.json").is_file():
        return [check(read_folder(folder), trust)]
    there = sorted(folder.iterdir())
    _refuse_links(there)
    whole = Report(run="index.json")
    try:
        data = (folder / "index.json").read_bytes()
        index, _ = read_signed(whole, "index.json", data, "rota-index/1", trust)
        named: dict[str, str] = {each["folder"]: each["head"] for each in index.statement["runs"]}
    except FORM_ERRORS as error:
        raise UnreadableError(f"index.json has another form: {error!r}") from error
    folders = {path.name for path in there if path.is_dir() and not _holds_compiled(path)}
    files = {path.name for path in there if not path.is_dir()}
    whole.problems += [f"{name}: missing" for name in sorted(named.keys() - folders)]
    strange = (folders - named.keys()) | (files - BESIDE)
    whole.problems += [f"{name}: not in the index" for name in sorted(strange)]
    reports = [whole]
    for name in sorted(folders & named.keys()):
        reports.append(check(read_folder(folder / name), trust))
        if reports[-1].head != named[name]:
            whole.problems.append(f"{name}: its head is not the one of the index")
    index.reach(whole, max(report.day for report in reports), trust)
    return reports


def _holds_compiled(folder: Path) -> bool:
    held = list(folder.rglob("*"))
    return bool(held) and all(_is_compiled(path, folder.parent) for path in held)


def read_trust(
    keys: Iterable[str], old_keys: Iterable[tuple[str, str]], checkpoints: Iterable[Path]
) -> tuple[Trust, list[Report]]:
    """Return what was brought along, and what was found of the checkpoints among it.

    Args:
        keys: Public keys, each in hexadecimal or as the name of a file.
        old_keys: Likewise, each with the last day that it vouches for, as `2026-11-30`.
        checkpoints: Files of `rota audit checkpoints`, or folders with them.

    Raises:
        ValueError: a key or a day is none.
        UnreadableError: a checkpoint is none.
        OSError: a file cannot be read.
    """
    known = {_key(text): date.fromisoformat(until).isoformat() for text, until in old_keys}
    trust = Trust({**known, **{_key(text): "" for text in keys}})
    files: dict[str, bytes] = {}
    for path in checkpoints:
        held = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        files |= {str(each): each.read_bytes() for each in held}
    report, days = read_days(files, trust)
    return Trust(trust.keys, days), [report] if files else []


def _key(text: str) -> bytes:
    return public_key(text if len(text) == 64 else Path(text).read_text())


def lines_of(report: Report) -> list[str]:
    """Return what was found, for people."""
    holds = "CHANGED" if report.problems else "holds"
    counts = f", {report.records} records, head {report.head or '-'}" if report.records else ""
    notes = [f"note: {text}" for text in report.notes]
    return [f"{report.run}: {holds}{counts}", *(f"  {text}" for text in report.problems + notes)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names and print what was found."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Checks bundles of Rota.")
    add = parser.add_argument
    add("bundle", nargs="?", type=Path, default=Path(__file__).parent)
    several: dict[str, Any] = {"action": "append", "default": []}
    add("--key", **several, help="trusted public key: file or hex")
    until = "one that signed before, and the last day that it vouches for"
    add("--old-key", **several, nargs=2, metavar=("KEY", "DAY"), help=until)
    kept = "checkpoint that was kept apart: a file, or a folder of them"
    add("--checkpoint", **several, type=Path, help=kept)
    options = parser.parse_args(arguments)
    try:
        old_keys = [(key, until) for key, until in options.old_key]
        trust, found = read_trust(options.key, old_keys, options.checkpoint)
        reports = [*found, *check_folder(options.bundle, trust)]
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else error
        sys.stderr.write(f"error: {why}\n")
        return 2
    except (UnreadableError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for report in reports:
        sys.stdout.write("\n".join(lines_of(report)) + "\n")
    return int(any(report.problems for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
