"""Make the repository that the example reviews, and a list of what is planted in it.

    python make_repository.py [FOLDER]        default: repositories/shop, here

A real git repository with a working tree. Authors, dates and contents are fixed, so every
machine gets the same commits. An existing folder is left alone, `--again` makes it anew.
`FOLDER.truth.json` beside it says what a review must find.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from repository_plants import DRAFTS, MAIN, Draft, Plant

BASE = "main"
FIRST = 1_790_000_000
"""Unix time of the first commit; each further one is an hour later."""
AUTHOR = "Ann Example <ann@shop.example>"


def make_repository(folder: Path) -> dict[str, Any]:
    """Make the repository in `folder`, which must not exist, and return the truth about it."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=", f"--initial-branch={BASE}")
    # A copy on a person's machine: their commits need a name, whatever their own settings.
    _git(folder, "config", "user.name", "You")
    _git(folder, "config", "user.email", "you@shop.example")
    _git(folder, "fast-import", "--quiet", stdin=_stream())
    _git(folder, "checkout", "--quiet", "--force", BASE)
    truth = {
        "repository": folder.name,
        "base": BASE,
        "branches": [_truth_of(folder, draft) for draft in DRAFTS if not draft.merged],
        "merged": [draft.branch for draft in DRAFTS if draft.merged],
    }
    text = json.dumps(truth, indent=2) + "\n"
    folder.with_name(f"{folder.name}.truth.json").write_text(text, encoding="utf-8")
    return truth


def _stream() -> bytes:
    """What `git fast-import` makes the repository of."""
    parts = [_commit(BASE, "Open the shop", 0)]
    parts += [_content(path, _data(MAIN[path])) for path in MAIN]
    for number, draft in enumerate(DRAFTS, start=1):
        parts.append(_commit(draft.branch, draft.message, number, f"refs/heads/{BASE}"))
        parts += [f"R {old} {new}\n".encode() for old, new in draft.renames.items()]
        parts += [_content(path, _data(lines)) for path, lines in draft.files.items()]
    for number, draft in enumerate(DRAFTS, start=1 + len(DRAFTS)):
        if draft.merged:
            message = f"Merge branch '{draft.branch}'"
            parts.append(_commit(BASE, message, number, merged=draft.branch))
            parts += [_content(path, _data(lines)) for path, lines in draft.files.items()]
    return b"".join(parts)


def _commit(branch: str, message: str, number: int, start: str = "", merged: str = "") -> bytes:
    data = message.encode()
    lines = [f"commit refs/heads/{branch}", f"committer {AUTHOR} {FIRST + 3600 * number} +0100"]
    parts = ["\n".join(lines).encode(), b"\ndata %d\n" % len(data), data, b"\n"]
    if start:
        parts.append(f"from {start}\n".encode())
    if merged:
        parts.append(f"merge refs/heads/{merged}\n".encode())
    return b"".join(parts)


def _content(path: str, data: bytes | None) -> bytes:
    if data is None:
        return f"D {path}\n".encode()
    return f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def _data(content: list[str | Plant] | bytes | None) -> bytes | None:
    if content is None or isinstance(content, bytes):
        return content
    texts = [line.text if isinstance(line, Plant) else line for line in content]
    return ("\n".join(texts) + "\n").encode()


def _truth_of(folder: Path, draft: Draft) -> dict[str, Any]:
    findings = [{"rule": "binary", "path": path, "line": 0} for path in draft.binaries]
    for path, content in draft.files.items():
        lines = content if isinstance(content, list) else []
        for number, line in enumerate(lines, start=1):
            rules = line.rules if isinstance(line, Plant) else ()
            findings += [{"rule": rule, "path": path, "line": number} for rule in rules]
    head = _git(folder, "rev-parse", f"refs/heads/{draft.branch}").strip()
    return {
        "branch": draft.branch,
        "head": head,
        "verdict": draft.verdict,
        "findings": sorted(findings, key=lambda f: (f["path"], f["line"], f["rule"])),
    }


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_DEFAULT_HASH": "sha1",
    }
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=True, env=environment)
    return done.stdout.decode()


def main() -> None:
    """Make the repository at the folder given, or at the default one."""
    given = [argument for argument in sys.argv[1:] if argument != "--again"]
    here = Path(__file__).resolve().parent / "repositories" / "shop"
    folder = Path(given[0]).resolve() if given else here
    if folder.exists() and "--again" not in sys.argv:
        raise SystemExit(f"{folder} exists already: add --again to make it anew")
    shutil.rmtree(folder, ignore_errors=True)
    truth = make_repository(folder)
    flaws = sum(len(branch["findings"]) for branch in truth["branches"])
    print(f"{folder}: {len(truth['branches'])} open branches, {flaws} flaws")  # noqa: T201


if __name__ == "__main__":
    main()
