"""A fleet: the folder of files that one `rota apply` owns, loaded and checked whole.

- `fleet.yaml`: the fleet's name; optional, the folder's name by default
- `agents/*.yaml`: one document per agent
- `prompts/`, `schemas/`, `scripts/`: whatever the agents name
- `tools.py`: the fleet's own tools, loaded by the worker and not here
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from rota.agent_spec import AgentSpec
from rota.model import Declared
from rota.names import AgentName
from schedules.agent_document import read_agent
from schedules.declaration_errors import DeclarationError, DeclarationErrors, KeyPath
from schedules.explain import explain, name_type, suggest
from schedules.references import FileReferenceError, find_file
from schedules.yaml_source import Document, load_documents

FLEET_FILE = "fleet.yaml"
AGENTS_FOLDER = "agents"


class FleetFile(Declared):
    """`fleet.yaml`."""

    name: AgentName
    """Owner of everything this folder declares: two fleets on one server differ in it."""


@dataclass(frozen=True)
class DeclaredAgent:
    """An agent and the place that declares it."""

    spec: AgentSpec
    document: Document

    @property
    def source(self) -> str:
        """The file, relative to the fleet's folder: `agents/report.yaml`."""
        return self.document.source

    @property
    def line(self) -> int:
        """The line the declaration begins in, from 1."""
        return self.document.line

    def locate(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest one above it."""
        return self.document.locate(path)


@dataclass(frozen=True)
class Fleet:
    """A valid fleet: every file read, every agent well-formed and named once."""

    name: str
    folder: Path
    agents: dict[str, DeclaredAgent]
    """By name, in the order of their files."""

    def check_tools(self, known: Collection[str]) -> list[DeclarationError]:
        """Return one problem for each tool an agent names that is not in `known`."""
        return [
            agent.document.error(("tools", index), f"unknown tool '{tool}'; {_hint(known, tool)}")
            for agent in self.agents.values()
            for index, tool in enumerate(agent.spec.tools)
            if tool not in known
        ]


def load_fleet(folder: Path) -> Fleet:
    """Read a fleet from its folder.

    Raises:
        DeclarationErrors: everything that is wrong, in all files.
    """
    errors: list[DeclarationError] = []
    name = _fleet_name(folder, errors)
    agents: dict[str, DeclaredAgent] = {}
    for document in _documents(folder, errors):
        try:
            agent = DeclaredAgent(read_agent(document, folder), document)
        except DeclarationErrors as group:
            errors.extend(group.errors)
            continue
        first = agents.setdefault(agent.spec.name, agent)
        if first is not agent:
            place = f"{first.source}:{first.locate(('name',))}"
            message = f"'{agent.spec.name}' is declared in {place} already; rename one of them"
            errors.append(document.error(("name",), message))
    if errors:
        raise DeclarationErrors(errors)
    return Fleet(name, folder, agents)


def _fleet_name(folder: Path, errors: list[DeclarationError]) -> str:
    default = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    default = re.sub(r"^[^a-z]+", "", default)[:60].rstrip("-") or "fleet"
    if not (folder / FLEET_FILE).exists():
        return default
    try:
        documents = load_documents(find_file(folder, FLEET_FILE), FLEET_FILE)
    except DeclarationErrors as group:
        errors.extend(group.errors)
        return default
    except FileReferenceError as error:
        errors.append(DeclarationError(FLEET_FILE, 0, "", str(error)))
        return default
    if not documents:
        return default
    return _read_fleet_file(documents[0], default, errors)


def _read_fleet_file(document: Document, default: str, errors: list[DeclarationError]) -> str:
    content: object = document.data
    if not isinstance(content, dict):
        message = f"expected a mapping with name, got {name_type(content)}"
        errors.append(document.error((), message))
        return default
    try:
        given = cast("dict[str, Any]", content)
        return FleetFile.model_validate({"name": default, **given}).name
    except ValidationError as error:
        errors += [document.error(f.path, f.message) for f in explain(error, FleetFile)]
        return default


def _documents(folder: Path, errors: list[DeclarationError]) -> Iterator[Document]:
    """Yield every document of `agents/`, files in alphabetical order."""
    agents = folder / AGENTS_FOLDER
    if not agents.is_dir():
        message = f"no folder '{AGENTS_FOLDER}' in {folder}: not a fleet; rota init writes one"
        errors.append(DeclarationError(AGENTS_FOLDER, 0, "", message))
        return
    for path in sorted(p for p in agents.iterdir() if p.suffix in (".yaml", ".yml")):
        source = f"{AGENTS_FOLDER}/{path.name}"
        try:
            documents = load_documents(find_file(folder, source), source)
            if not documents:
                # Silence would let the next apply remove whatever the file declared before.
                message = (
                    "declares nothing: write an agent, or delete the file to remove its agents"
                )
                errors.append(DeclarationError(source, 1, "", message))
            yield from documents
        except FileReferenceError as error:
            errors.append(DeclarationError(source, 0, "", str(error)))
        except DeclarationErrors as group:
            errors.extend(group.errors)


def _hint(known: Collection[str], tool: str) -> str:
    if not known:
        return "the fleet has no tools.py, or it defines none"
    return suggest(tool, sorted(known))
