"""One YAML document made into an agent: kind, files, runtime and shape, all checked.

Every step goes on after a problem, with a stand-in for what was wrong, so that all
problems of a document come out together.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from rota.agent_spec import AgentSpec
from rota.runtime_specs import settings_model
from schedules.declaration_errors import DeclarationError, DeclarationErrors, KeyPath
from schedules.explain import Mismatch, explain, name_type
from schedules.references import (
    FileReferenceError,
    read_data,
    read_instructions,
    schema_problems,
)
from schedules.yaml_source import Document

KINDS = ("Agent",)

Model = TypeVar("Model", bound=BaseModel)


def read_agent(document: Document, folder: Path) -> AgentSpec:
    """Return the agent that `document` declares; files are looked up in `folder`.

    Raises:
        DeclarationErrors: everything that is wrong with it.
    """
    content: object = document.data
    if not isinstance(content, dict):
        message = f"expected a mapping with name and runtime, got {name_type(content)}"
        raise DeclarationErrors([document.error((), message)])
    data = cast("dict[str, Any]", content)
    if data.get("kind", "Agent") not in KINDS:
        message = f"unknown kind '{data['kind']}'; known: {', '.join(KINDS)}"
        raise DeclarationErrors([document.error(("kind",), message)])
    return _Assembly(document, folder, dict(data)).agent()


@dataclass
class _Assembly:
    document: Document
    folder: Path
    data: dict[str, Any]
    """The document's top level; what is resolved is replaced here."""
    errors: list[DeclarationError] = field(default_factory=list[DeclarationError])

    def agent(self) -> AgentSpec:
        self._resolve_instructions()
        self._resolve_schema()
        self._resolve_runtime()
        spec = self._validate(AgentSpec, self.data, (), None)
        if self.errors or spec is None:
            raise DeclarationErrors(self.errors)
        return spec

    def _problem(self, path: KeyPath, message: str) -> None:
        self.errors.append(self.document.error(path, message))

    def _resolve_instructions(self) -> None:
        value = self.data.get("instructions")
        if not isinstance(value, str):
            return
        try:
            self.data["instructions"] = read_instructions(self.folder, value)
        except FileReferenceError as error:
            self._problem(("instructions",), str(error))

    def _resolve_schema(self) -> None:
        output = self.data.get("output")
        if not isinstance(output, dict):
            return
        output = cast("dict[str, Any]", output)
        path: KeyPath = ("output", "schema")
        document, prefix, schema = self.document, path, output.get("schema")
        if isinstance(schema, str):
            found = self._read_data(schema, path)
            if found is None:
                self.data["output"] = output | {"schema": {}}
                return
            document, prefix, schema = found, (), found.data
        if isinstance(schema, dict):
            schema = cast("dict[str, Any]", schema)
            for inner, message in schema_problems(schema):
                self.errors.append(document.error((*prefix, *inner), message))
        self.data["output"] = output | ({} if schema is None else {"schema": schema})

    def _resolve_runtime(self) -> None:
        block = self.data.get("runtime")
        if not isinstance(block, dict):
            return
        settings = dict(cast("dict[str, Any]", block))
        kind = settings.get("kind")
        if not isinstance(kind, str):
            return
        self.data["runtime"] = {"kind": kind}
        try:
            model = settings_model(kind)
        except ValueError as error:
            self._problem(("runtime", "kind"), str(error))
            return
        script = self._resolve_script(settings) if kind == "scripted" else None
        if kind == "scripted" and "script" in settings:
            return
        valid = self._validate(model, settings, ("runtime",), script)
        if valid is not None:
            self.data["runtime"] = valid.model_dump(mode="json")

    def _resolve_script(self, settings: dict[str, Any]) -> Document | None:
        """Put the turns of `script` in its place; leave the key if that fails."""
        name = settings.get("script")
        path: KeyPath = ("runtime", "script")
        if "script" not in settings:
            return None
        if not isinstance(name, str):
            self._problem(path, f"expected a file name, got {name_type(name)}")
        elif "turns" in settings:
            self._problem(path, "give either script or turns, not both")
        elif (found := self._read_data(name, path)) is not None:
            del settings["script"]
            settings["turns"] = found.data
            return found
        return None

    def _read_data(self, name: str, path: KeyPath) -> Document | None:
        try:
            return read_data(self.folder, name)
        except FileReferenceError as error:
            self._problem(path, str(error))
        except DeclarationErrors as group:
            self.errors.extend(group.errors)
        return None

    def _validate(
        self, model: type[Model], data: dict[str, Any], prefix: KeyPath, script: Document | None
    ) -> Model | None:
        """Return the model, or None with its problems noted; `turns` may lie in `script`."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for finding in explain(error, model):
                if script is not None and finding.path[:1] == ("turns",):
                    self._note(script, finding._replace(path=finding.path[1:]))
                else:
                    path = (*prefix, *finding.path)
                    self._note(self.document, finding._replace(path=path))
        return None

    def _note(self, document: Document, finding: Mismatch) -> None:
        path = finding.path if finding.absent else document.known(finding.path)
        error = document.error(path, finding.message)
        # A union reports each of its types at the same place; the first says enough.
        if all((e.line, e.key) != (error.line, error.key) for e in self.errors):
            self.errors.append(error)
