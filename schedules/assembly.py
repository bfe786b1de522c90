"""What reading any kind of document shares: files resolved, a model applied, problems kept.

Every step goes on after a problem, with a stand-in for what was wrong, so that all
problems of a document come out together.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from schedules.declaration_errors import DeclarationError, DeclarationErrors, KeyPath
from schedules.explain import Mismatch, explain
from schedules.references import FileReferenceError, read_data, schema_problems
from schedules.yaml_source import Document

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Assembly:
    """One document on its way to becoming a declaration."""

    document: Document
    folder: Path
    """The fleet's: files are looked up from there."""
    data: dict[str, Any]
    """The document's top level; what is resolved is replaced here."""
    errors: list[DeclarationError] = field(default_factory=list[DeclarationError])

    def problem(self, path: KeyPath, message: str) -> None:
        """Note a problem at `path` of the document."""
        self.errors.append(self.document.error(path, message))

    def read_data(self, name: str, path: KeyPath) -> Document | None:
        """Return the data of the file `name`, or None with its problems noted at `path`."""
        try:
            return read_data(self.folder, name)
        except FileReferenceError as error:
            self.problem(path, str(error))
        except DeclarationErrors as group:
            self.errors.extend(group.errors)
        return None

    def resolve_schema(self, key: str) -> None:
        """Put the JSON Schema that `<key>.schema` names in its place, and check it."""
        if key in self.data:
            self.data[key] = self.with_schema(self.data[key], (key,))

    def with_schema(self, block: Any, place: KeyPath) -> Any:
        """Return the block at `place` with the JSON Schema that its `schema` names, checked."""
        if not isinstance(block, dict):
            return block
        block = cast("dict[str, Any]", block)
        path: KeyPath = (*place, "schema")
        document, prefix, schema = self.document, path, block.get("schema")
        if isinstance(schema, str):
            found = self.read_data(schema, path)
            if found is None:
                return block | {"schema": {}}
            document, prefix, schema = found, (), found.data
        if isinstance(schema, dict):
            schema = cast("dict[str, Any]", schema)
            for inner, message in schema_problems(schema):
                self.errors.append(document.error((*prefix, *inner), message))
        return block | ({} if schema is None else {"schema": schema})

    def validate(
        self,
        model: type[Model],
        data: dict[str, Any],
        prefix: KeyPath = (),
        script: Document | None = None,
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

    def finish(self, spec: Model | None) -> Model:
        """Return `spec` if nothing was wrong.

        Raises:
            DeclarationErrors: everything that was.
        """
        if self.errors or spec is None:
            raise DeclarationErrors(self.errors)
        return spec

    def _note(self, document: Document, finding: Mismatch) -> None:
        path = finding.path if finding.absent else document.known(finding.path)
        error = document.error(path, finding.message)
        # A union reports each of its types at the same place; the first says enough.
        if all((e.line, e.key) != (error.line, error.key) for e in self.errors):
            self.errors.append(error)
