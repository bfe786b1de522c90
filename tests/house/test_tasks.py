"""The tasks people are told about exist, and CI runs the same ones."""

import re
import subprocess

from tests.house.repository import ROOT, files, name_of

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
# Only in code: prose may well "make sure".
MENTION = re.compile(r"(?:^\s*(?:\$ )?|`)make ([a-z]+)(?=[\s`]|$)", re.M)


def test_make_targets_named_in_documents_exist() -> None:
    """No document sends its reader to a task that is not there."""
    named = {name_of(path): set(MENTION.findall(path.read_text())) for path in files(".md")}
    unknown = {name: missing for name, found in named.items() if (missing := found - TARGETS)}
    assert not unknown, f"no such target in the Makefile: {unknown}"


def test_ci_runs_what_contributors_run() -> None:
    """CI is `make check test`, so a green machine means a green build."""
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, ".ci/run must be executable"
    assert re.search(r"^exec make check test\b", script.read_text(), re.M)


def test_help_lists_every_task() -> None:
    """`make` alone says what there is."""
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", shown, re.M)) == TARGETS
