"""The code review example as tests use it: its modules, its repository, its tools."""

import importlib
import json
import logging
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from activities.tools.fleet import load_tools
from rota.tools import ToolContext

FLEET = Path(__file__).parents[2] / "examples" / "code-review"
TOOLS = load_tools(FLEET)
checks = importlib.import_module("review_checks")
digests = importlib.import_module("review_digest")
git = importlib.import_module("review_git")
maker = importlib.import_module("make_repository")
patches = importlib.import_module("review_patch")
repositories = importlib.import_module("review_repository")

IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@shop.example")


def run_git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git as a person would, but deaf to this machine's settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *IDENTITY, *arguments],
        input=stdin,
        capture_output=True,
        check=True,
        env=environment,
    )
    return done.stdout.decode(errors="replace").strip()


class Workplace:
    """A repository `shop` with a branch `main`, to be filled, and the tools on it."""

    def __init__(self, fleet: Path) -> None:
        self.fleet = fleet
        self.folder = fleet / "repositories" / "shop"
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--template=", "--initial-branch=main")
        self.write("base.txt", "one\ntwo\nthree\n")
        self.base = self.commit("Begin")

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run git in the repository."""
        return run_git(self.folder, *arguments, stdin=stdin)

    def write(self, path: str, content: str | bytes) -> None:
        """Put a file into the working tree."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)

    def commit(self, message: str = "Change") -> str:
        """Commit everything in the working tree and return the commit."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str = "feature") -> None:
        """Start a branch at main."""
        self.git("switch", "--quiet", "--create", name, "main")

    def call(self, tool: str, head: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool about a commit, as a run does."""
        given = {"repository": "shop", "branch": "feature", "head": head, "base": "main"}
        return call(self.fleet, tool, given, **arguments)

    def found(self, head: str) -> list[tuple[str, str, int]]:
        """What the check finds: rule, path and line."""
        findings = self.call("review.check", head)["findings"]
        return [(finding["rule"], finding["path"], finding["line"]) for finding in findings]


def call(
    fleet: Path, tool: str, input: dict[str, Any], key: str = "k", **arguments: Any
) -> dict[str, Any]:
    """Call a tool with the input of a run and an idempotency key."""

    def no_secret(reference: str) -> str:
        raise LookupError(reference)

    context = ToolContext(
        idempotency_key=key,
        agent="code-review",
        run_id=f"run-{key}",
        slot=None,
        fleet=fleet,
        input=input,
        heartbeat=lambda text: None,
        log=logging.getLogger("test"),
        secrets=no_secret,
    )
    return TOOLS[tool](context, **arguments)


def copy_fleet(folder: Path) -> None:
    """Copy the example's files to `folder`, its clock stopped: tests start what they want."""
    ignored = shutil.ignore_patterns("repositories", "__pycache__")
    shutil.copytree(FLEET, folder, ignore=ignored, dirs_exist_ok=True)
    pipeline = folder / "pipelines" / "nightly-review.yaml"
    text = pipeline.read_text(encoding="utf-8")
    assert "catchup: {window: 4h}}" in text
    text = text.replace("catchup: {window: 4h}}", "paused: true}")
    pipeline.write_text(text, encoding="utf-8")


def written(fleet: Path, columns: str, table: str = "comments") -> list[Any]:
    """Rows of the review store, in the order in which they were written."""
    store = fleet / "repositories" / "reviews.sqlite"
    if not store.exists():
        return []
    connection = sqlite3.connect(store, timeout=20)
    try:
        named = "SELECT 1 FROM sqlite_master WHERE name = ?"
        # Another process may have made the file and not the tables yet.
        if connection.execute(named, (table,)).fetchone() is None:
            return []
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()
    finally:
        connection.close()


def truth_of(fleet: Path) -> dict[str, Any]:
    """Make the example's repository in a fleet and return what is planted in it."""
    maker.make_repository(fleet / "repositories" / "shop")
    return json.loads((fleet / "repositories" / "shop.truth.json").read_text(encoding="utf-8"))
