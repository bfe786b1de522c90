"""Files a declaration names: prompts, output schemas and scripts, read into it.

The spec holds their content and not their paths, so that its digest changes when a
prompt does, and a worker needs no files. Nothing outside the fleet's folder is read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from rota.agent_spec import INSTRUCTIONS_LIMIT
from schedules.declaration_errors import DeclarationError, KeyPath, format_key
from schedules.yaml_source import Document, load_documents, read_text

_LOOKS_LIKE_FILE = re.compile(r"\.{0,2}/\S*|\S+\.(md|txt)")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class FileReferenceError(ValueError):
    """A file that a declaration names cannot be used."""


def find_file(folder: Path, name: str) -> Path:
    """Return the file `name` of the fleet in `folder`.

    Raises:
        FileReferenceError: it does not exist, or lies outside, by `..` or by a link.
    """
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        exists = path.is_file()
    except (OSError, ValueError):
        raise FileReferenceError(f"'{name[:80]}' is not a file name") from None
    if not path.is_relative_to(root):
        raise FileReferenceError(f"'{name}' lies outside the fleet's folder; move the file into it")
    if not exists:
        raise FileReferenceError(f"no file '{name}' in the fleet's folder; mend the path")
    return path


def read_instructions(folder: Path, value: str) -> str:
    """Return the text of `instructions:`, from its file if it names one.

    Raises:
        FileReferenceError: it looks like a file that is not there, or the file is too
            large, empty or not text.
    """
    if not _names_file(folder, value):
        return value
    path = find_file(folder, value)
    try:
        text = read_text(path, value, INSTRUCTIONS_LIMIT)
    except DeclarationError as error:
        raise FileReferenceError(str(error)) from error
    if not text.strip():
        raise FileReferenceError(f"the file '{value}' is empty; write what the agent should do")
    return text


def read_data(folder: Path, name: str) -> Document:
    """Return the one document of a YAML or JSON file.

    Raises:
        FileReferenceError: there is no such file, or not one document in it.
        schedules.declaration_errors.DeclarationErrors: its text has problems of its own.
    """
    documents = load_documents(find_file(folder, name), name)
    if len(documents) != 1:
        raise FileReferenceError(f"'{name}' holds {len(documents)} documents; write exactly one")
    return documents[0]


def schema_problems(schema: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield what keeps `schema` from checking results: path inside it, and message."""
    dialect = schema.get("$schema", _DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != _DIALECT:
        yield ("$schema",), f"'{dialect}' is not read here; write {_DIALECT} or leave it out"
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = tuple(error.absolute_path)
        place = f" at {format_key(path)}" if path else ""
        yield path, f"not a JSON Schema{place}: {error.message[:200]}"
        return
    yield from _reference_problems(schema, schema, ())


def _reference_problems(
    node: Any, schema: dict[str, Any], path: KeyPath
) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(node, dict):
        for key, value in cast("dict[str, Any]", node).items():
            if key == "$ref" and isinstance(value, str) and not _resolves(value, schema):
                yield (*path, key), f"'{value}' is not in this schema; write #/$defs/..."
            yield from _reference_problems(value, schema, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(cast("list[Any]", node)):
            yield from _reference_problems(value, schema, (*path, index))


def _resolves(reference: str, schema: dict[str, Any]) -> bool:
    """Tell whether a reference stays inside: checking a result must not fetch a URL."""
    if reference == "#":
        return True
    if not reference.startswith("#/"):
        return False
    node: Any = schema
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and name in node:
            node = cast("dict[str, Any]", node)[name]
        elif isinstance(node, list) and name.isdigit() and int(name) < len(cast("list[Any]", node)):
            node = cast("list[Any]", node)[int(name)]
        else:
            return False
    return True


def _names_file(folder: Path, value: str) -> bool:
    if "\n" in value or len(value) > 255:
        return False
    if _LOOKS_LIKE_FILE.fullmatch(value):
        return True
    try:
        return bool(value.strip()) and (folder / value).is_file()
    except (OSError, ValueError):
        return False
