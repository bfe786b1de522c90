"""A fleet: the folder of files that one `rota apply` owns, loaded and checked whole.

- `fleet.yaml`: the fleet's name and connections; optional, the folder's name by default
- `agents/*.yaml`, `pipelines/*.yaml`, `teams/*.yaml`: one document per agent, pipeline or team,
  in any of these folders
- `prompts/`, `schemas/`, `scripts/`: whatever the agents name
- `tools.py`: the fleet's own tools, loaded by the worker and not here
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from rota.coordination.handoffs import handoff_of
from rota.fleet_file import FleetFile
from rota.mcp import is_mcp
from schedules.declaration_errors import DeclarationError, DeclarationErrors
from schedules.declared import (
    Declaration,
    DeclaredAgent,
    DeclaredPipeline,
    DeclaredTeam,
    read_declaration,
)
from schedules.explain import explain, name_type, suggest
from schedules.handoff_targets import with_handoffs
from schedules.references import FileReferenceError, find_file
from schedules.teams import with_team_notify, with_teams
from schedules.yaml_source import Document, load_documents

FLEET_FILE = "fleet.yaml"
AGENTS_FOLDER = "agents"
PIPELINES_FOLDER = "pipelines"
TEAMS_FOLDER = "teams"


@dataclass(frozen=True)
class Fleet:
    """A fleet whose files can all be read: every document well-formed, every name given once.

    Whether the agents and pipelines fit together is for `schedules.lints.all_of_them` to say.
    """

    name: str
    folder: Path
    agents: dict[str, DeclaredAgent]
    """By name, in the order of their files."""
    pipelines: dict[str, DeclaredPipeline] = field(default_factory=dict[str, DeclaredPipeline])
    """By name, in the order of their files. No name is an agent's too."""
    declared_file: FleetFile | None = None
    """`fleet.yaml`, its defaults filled in."""
    teams: dict[str, DeclaredTeam] = field(default_factory=dict[str, DeclaredTeam])
    """By name, in the order of their files. A team may have the name of an agent."""

    @property
    def file(self) -> FleetFile:
        """What the fleet has in common; all defaults where nothing was read from a folder."""
        return self.declared_file or FleetFile(name=self.name)

    @property
    def declarations(self) -> dict[str, Declaration]:
        """Agents, then pipelines, by name."""
        return {**self.agents, **self.pipelines}

    def check_tools(
        self, known: Collection[str], unconnected: Callable[[str], str] = lambda _: ""
    ) -> list[DeclarationError]:
        """Return one problem for each tool an agent names that is not there or cannot work.

        Args:
            known: Names of the fleet's own tools and the built-in ones. `agents.<name>` is
                looked up among the fleet's agents instead.
            unconnected: Says what `fleet.yaml` lacks for a known tool; empty if nothing.
        """
        return [
            agent.document.error(("tools", index), problem)
            for agent in self.agents.values()
            for index, tool in enumerate(agent.spec.tools)
            if (problem := self._problem_of(tool, known) or unconnected(tool))
        ]

    def _problem_of(self, tool: str, known: Collection[str]) -> str | None:
        handoff = handoff_of(tool)
        if handoff is None:
            # Of a server's tools the files say only which server it is: `unconnected`.
            if tool in known or is_mcp(tool):
                return None
            return f"unknown tool '{tool}'; {_hint(known, tool)}"
        called = handoff.agent
        if called in self.agents:
            return None
        if called in self.pipelines:
            return f"'{called}' is a pipeline; only an agent can be called as a tool"
        return f"unknown agent '{called}'; {suggest(called, list(self.agents))}"


def load_fleet(folder: Path) -> Fleet:
    """Read a fleet from its folder.

    Raises:
        DeclarationErrors: everything that is wrong, in all files.
    """
    errors: list[DeclarationError] = []
    file = _fleet_file(folder, errors)
    declared: dict[str, Declaration] = {}
    teams: dict[str, DeclaredTeam] = {}
    for document in _documents(folder, errors):
        try:
            declaration = read_declaration(document, folder)
        except DeclarationErrors as group:
            errors.extend(group.errors)
            continue
        name = declaration.spec.name
        if isinstance(declaration, DeclaredTeam):
            first = teams.setdefault(name, declaration)
        else:
            first = declared.setdefault(name, declaration)
        if first is not declaration:
            place = f"{first.source}:{first.locate(('name',))}"
            message = f"'{name}' is declared in {place} already; rename one of them"
            errors.append(document.error(("name",), message))
    if errors:
        raise DeclarationErrors(errors)
    agents = {n: d for n, d in declared.items() if isinstance(d, DeclaredAgent)}
    pipelines = with_team_notify(
        {n: d for n, d in declared.items() if isinstance(d, DeclaredPipeline)}, teams
    )
    filled = with_teams(with_handoffs(agents), teams)
    return Fleet(file.name, folder, filled, pipelines, file, teams)


def load_fleet_file(folder: Path) -> FleetFile:
    """Read `fleet.yaml` of a fleet and nothing else; all defaults without the file.

    Raises:
        DeclarationErrors: everything that is wrong in it.
    """
    errors: list[DeclarationError] = []
    file = _fleet_file(folder, errors)
    if errors:
        raise DeclarationErrors(errors)
    return file


def _fleet_file(folder: Path, errors: list[DeclarationError]) -> FleetFile:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    default = FleetFile(name=re.sub(r"^[^a-z]+", "", name)[:60].rstrip("-") or "fleet")
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


def _read_fleet_file(
    document: Document, default: FleetFile, errors: list[DeclarationError]
) -> FleetFile:
    content: object = document.data
    if not isinstance(content, dict):
        message = f"expected a mapping with name, got {name_type(content)}"
        errors.append(document.error((), message))
        return default
    given = cast("dict[str, Any]", content)
    try:
        return FleetFile.model_validate({"name": default.name, **given})
    except ValidationError as error:
        errors += [document.error(f.path, f.message) for f in explain(error, FleetFile)]
        return default


def _documents(folder: Path, errors: list[DeclarationError]) -> Iterator[Document]:
    """Yield every document of the fleet, files in alphabetical order."""
    if not (folder / AGENTS_FOLDER).is_dir():
        message = f"no folder '{AGENTS_FOLDER}' in {folder}: not a fleet; rota init writes one"
        errors.append(DeclarationError(AGENTS_FOLDER, 0, "", message))
        return
    folders = (AGENTS_FOLDER, PIPELINES_FOLDER, TEAMS_FOLDER)
    for source in [source for name in folders for source in _sources(folder, name)]:
        try:
            documents = load_documents(find_file(folder, source), source)
            if not documents:
                # Silence would let the next apply remove whatever the file declared before.
                message = (
                    "declares nothing: write an agent, a pipeline or a team, or delete the file "
                    "to remove what it declared"
                )
                errors.append(DeclarationError(source, 1, "", message))
            yield from documents
        except FileReferenceError as error:
            errors.append(DeclarationError(source, 0, "", str(error)))
        except DeclarationErrors as group:
            errors.extend(group.errors)


def _sources(folder: Path, name: str) -> list[str]:
    if not (folder / name).is_dir():
        return []
    found = sorted(path for path in (folder / name).iterdir() if path.suffix in (".yaml", ".yml"))
    return [f"{name}/{path.name}" for path in found]


def _hint(known: Collection[str], tool: str) -> str:
    if not known:
        return "the fleet has no tools.py, or it defines none"
    return suggest(tool, sorted(known))
