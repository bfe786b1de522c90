"""Files of imported agents: what they look like, and that none takes another's place."""

import re
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schedules.declared import read_declaration
from schedules.yaml_source import load_documents

FOLDER = "agents"
LONGEST = "1d"
"""Other schedulers end nothing: longer than nearly any job, short enough that a hanging one
is seen."""


@dataclass(frozen=True)
class AgentFile:
    """One imported agent."""

    name: str
    text: str

    @property
    def path(self) -> str:
        """Where it belongs, below the fleet's folder."""
        return f"{FOLDER}/{self.name}.yaml"


class TakenError(Exception):
    """A file of that name says something else."""


def agent_file(
    name: str, remarks: Iterable[str], document: dict[str, Any], longest: str = LONGEST
) -> AgentFile:
    """Return the file of `document`, its remarks as comments on top; a run takes `longest`."""
    head = "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)
    keys = {"kind": "Agent", "name": name, **document, "budget": {"wall_clock": longest}}
    return AgentFile(name, head + yaml.safe_dump(keys, sort_keys=False, allow_unicode=True))


def free_name(text: str, taken: Collection[str]) -> str:
    """Return a name made of `text` that is not among `taken`; empty if it has no letters."""
    base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    base = re.sub(r"^[^a-z]+", "", base)[:50].rstrip("-")
    name, number = base, 1
    while base and name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def as_template(text: str) -> str:
    """Return a template that gives `text`."""
    return text.replace("{", "{{").replace("}", "}}")


def check(file: AgentFile, fleet: Path) -> None:
    """Read the file back as `rota validate` will, and look at what is there already.

    Raises:
        DeclarationErrors: the declaration is wrong.
        TakenError: a file of its name says something else.
    """
    there = fleet / file.path
    # What stands there may be anything: only whether it is the same is asked.
    if there.exists() and _said(there.read_text("utf-8", "replace")) != _said(file.text):
        raise TakenError(f"{there} is there already and says something else: move it away first")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, there.name)
        path.write_text(file.text, encoding="utf-8")
        for document in load_documents(path, path.name):
            read_declaration(document, Path(folder))


def write(file: AgentFile, fleet: Path) -> None:
    """Write the file unless it is there: what `check` let pass differs in comments alone."""
    path = fleet / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(file.text, encoding="utf-8")


def _said(text: str) -> list[str]:
    """The file without its comments: where a line stood in a crontab is nothing that it says."""
    return [line for line in text.splitlines() if not line.startswith("#")]
