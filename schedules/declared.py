"""What a fleet's documents become: a declaration, and the place that makes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.team_spec import TeamSpec
from schedules.agent_document import read_agent
from schedules.assembly import Assembly
from schedules.declaration_errors import DeclarationErrors, KeyPath
from schedules.explain import name_type
from schedules.yaml_source import Document

KINDS = ("Agent", "Pipeline", "Team")


Spec = TypeVar("Spec", AgentSpec, PipelineSpec, TeamSpec)


@dataclass(frozen=True)
class _Declared(Generic[Spec]):
    spec: Spec
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


class DeclaredAgent(_Declared[AgentSpec]):
    """An agent and the place that declares it."""


class DeclaredPipeline(_Declared[PipelineSpec]):
    """A pipeline and the place that declares it."""


class DeclaredTeam(_Declared[TeamSpec]):
    """A team and the place that declares it."""


Declaration = DeclaredAgent | DeclaredPipeline
"""What runs."""


def read_declaration(document: Document, folder: Path) -> Declaration | DeclaredTeam:
    """Return what `document` declares; files are looked up in `folder`.

    Raises:
        DeclarationErrors: everything that is wrong with it.
    """
    content: object = document.data
    if not isinstance(content, dict):
        message = (
            "expected a mapping with name and runtime, with kind: Pipeline, name and nodes, or "
            f"with kind: Team, name and budget, got {name_type(content)}"
        )
        raise DeclarationErrors([document.error((), message)])
    data = cast("dict[str, Any]", content)
    kind = data.get("kind", "Agent")
    if kind not in KINDS:
        message = f"unknown kind '{kind}'; known: {', '.join(KINDS)}"
        raise DeclarationErrors([document.error(("kind",), message)])
    if "kind" not in data and "nodes" in data:
        message = "missing; a document with nodes is a pipeline: write kind: Pipeline"
        raise DeclarationErrors([document.error(("kind",), message)])
    if kind == "Agent":
        return DeclaredAgent(read_agent(document, data, folder), document)
    assembly = Assembly(document, folder, data)
    if kind == "Team":
        return DeclaredTeam(assembly.finish(assembly.validate(TeamSpec, data)), document)
    return DeclaredPipeline(assembly.finish(assembly.validate(PipelineSpec, data)), document)
