"""A release of one commit: wheel, source, bill of materials, licences, checksums.

Built from `git archive`, so nothing else that lies in the folder can get in, with the commit's own
time in place of the clock: the same commit and the same tools give the same bytes.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.house.repository import ROOT
from tests.release.packages import PROJECT, elsewhere, shipped, tools
from tests.release.sbom import sbom

NAME = f"{PROJECT['project']['name']}-{PROJECT['project']['version']}"


class ReleaseError(Exception):
    """There is nothing to release; the message says what to do."""


def release(folder: Path) -> list[Path]:
    """Write everything into `folder`; return the files.

    Raises:
        ReleaseError: files differ from the commit, or it does not build.
    """
    if _git("status", "--porcelain", "--untracked-files=no").strip():
        raise ReleaseError("files differ from the newest commit: commit them, or put them away")
    commit, seconds = commit_and_time()
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    built = build(folder, seconds)
    bill, licences = folder / f"{NAME}.cdx.json", folder / f"{NAME}.licences.tsv"
    bill.write_text(sbom(shipped(), commit, seconds))
    licences.write_text(licence_list())
    files = sorted([*built, bill, licences])
    sums = folder / "SHA256SUMS"
    sums.write_text(
        "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    )
    return [*files, sums]


def commit_and_time() -> tuple[str, int]:
    """The newest commit, and when it was made, in seconds since 1970."""
    commit, _, seconds = _git("log", "-1", "--format=%H %ct").strip().partition(" ")
    return commit, int(seconds)


def build(folder: Path, seconds: int, parts: Sequence[str] = ()) -> list[Path]:
    """Build wheel and source of the newest commit into `folder`.

    Args:
        folder: Is there.
        seconds: The time that files are given.
        parts: Only these files and folders of it; none means all.

    Raises:
        ReleaseError: it does not build; the message holds the builder's words.
    """
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD", *parts],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory() as source:
        # Not tarfile, whose safe filter Python 3.11 has only from 3.11.4 on.
        subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder.resolve())]
        made = subprocess.run(
            command,
            cwd=source,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(seconds)},
            capture_output=True,
            check=False,
            text=True,
        )
    if made.returncode:
        raise ReleaseError(f"it does not build: {made.stderr}")
    return sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])


def licence_list() -> str:
    """Every package with its licence: first what an installation brings, then the tools."""
    rows = [("package", "version", "licence", "use")]
    rows += [(each.name, each.version, each.licence, "shipped") for each in shipped()]
    rows += [(each.name, each.version, each.licence, "tool") for each in tools()]
    rows += [(name, "", "", "other platforms") for name in elsewhere()]
    return "".join("\t".join(row) + "\n" for row in rows)


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
