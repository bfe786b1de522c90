"""Templates in declarations: `{input.account}`, filled from a scope of plain JSON.

Pure, so the same text gives the same session key on the worker, in the linter and in a
replay. Paths and defaults only, no expressions: what a declaration does must be plain
from reading it.

    {input.account}      the value at that path; lists by index: {input.items.0.id}
    {memory.cursor|0}    a default, used where the path is missing or null
    {{ and }}            a literal brace
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")
_NAMED_LIMIT = 10


class TemplateError(ValueError):
    """A template is malformed, or its scope lacks what it names."""


@dataclass(frozen=True)
class _Field:
    path: str
    default: str | None
    """Text behind the bar; None without a bar, which makes the path required."""


def render(template: Any, scope: Mapping[str, Any]) -> Any:
    """Fill every template in `template`, inside lists and mapping values too.

    A string that is exactly one template keeps the JSON type of its value; elsewhere
    strings go in as they are and other values as JSON. Mapping keys stay untouched.

    Raises:
        TemplateError: a path is missing, or null inside longer text; a brace is left
            over. The message names the path and what is there instead.
    """
    if isinstance(template, str):
        return _render_text(template, scope)
    if isinstance(template, Mapping):
        items = cast(Mapping[str, Any], template).items()
        return {key: render(value, scope) for key, value in items}
    if isinstance(template, list | tuple):
        return [render(value, scope) for value in cast(Sequence[Any], template)]
    return template


def paths(template: Any) -> set[str]:
    """Return every path the template names, with or without a default.

    Raises:
        TemplateError: the template is malformed.
    """
    return {field.path for field in _fields(template)}


def required_paths(template: Any) -> set[str]:
    """Return the paths without a default: those a scope must have.

    Raises:
        TemplateError: the template is malformed.
    """
    return {field.path for field in _fields(template) if field.default is None}


def _fields(template: Any) -> list[_Field]:
    if isinstance(template, str):
        return [part for part in _parse(template) if isinstance(part, _Field)]
    if isinstance(template, Mapping):
        template = list(cast(Mapping[str, Any], template).values())
    if isinstance(template, list | tuple):
        return [field for value in cast(Sequence[Any], template) for field in _fields(value)]
    return []


def _parse(text: str) -> list[str | _Field]:
    """Split text into literal pieces and fields, in order."""
    parts: list[str | _Field] = []
    position = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[position : token.start()])
        position = token.end()
        if token[0] in ("{{", "}}"):
            parts.append(token[0][0])
        elif token[1] is None:
            raise TemplateError(f"'{text}': lone '{token[0]}'; write {token[0] * 2} for a brace")
        else:
            parts.append(_parse_field(token[1]))
    parts.append(text[position:])
    return [part for part in parts if part != ""]


def _parse_field(inner: str) -> _Field:
    path, bar, default = inner.partition("|")
    path = path.strip()
    if not _PATH.fullmatch(path):
        raise TemplateError(
            f"'{{{inner}}}' is not a template; write a dotted path such as {{input.account}}, "
            "or double the braces to mean them literally"
        )
    return _Field(path=path, default=default.strip() if bar else None)


def _render_text(text: str, scope: Mapping[str, Any]) -> Any:
    parts = _parse(text)
    if len(parts) == 1 and isinstance(parts[0], _Field):
        return _value(parts[0], scope)
    return "".join(part if isinstance(part, str) else _text(part, scope) for part in parts)


def _text(field: _Field, scope: Mapping[str, Any]) -> str:
    value = _value(field, scope)
    if value is None:
        raise TemplateError(f"{{{field.path}}} is null; give a default: {{{field.path}|none}}")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(field: _Field, scope: Mapping[str, Any]) -> Any:
    try:
        value = _look_up(field.path, scope)
    except TemplateError:
        if field.default is None:
            raise
        value = None
    if value is None and field.default is not None:
        return _read_default(field.default)
    return value


def _read_default(text: str) -> Any:
    """A default is JSON where it reads as JSON (`0`, `true`, `[]`), else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _look_up(path: str, scope: Mapping[str, Any]) -> Any:
    here: Any = scope
    walked = ""
    for segment in path.split("."):
        if isinstance(here, Mapping) and segment in here:
            here = cast(Mapping[str, Any], here)[segment]
        elif isinstance(here, list | tuple) and _is_index(segment, cast(Sequence[Any], here)):
            here = cast(Sequence[Any], here)[int(segment)]
        else:
            raise TemplateError(f"{{{path}}}: no '{segment}'; {_there(walked, here)}")
        walked = f"{walked}.{segment}" if walked else segment
    return here


def _is_index(segment: str, values: Sequence[Any]) -> bool:
    return segment.isascii() and segment.isdigit() and int(segment) < len(values)


def _there(walked: str, here: Any) -> str:
    subject = f"'{walked}'" if walked else "the scope"
    if isinstance(here, Mapping):
        names = sorted(cast(Mapping[str, Any], here))
        shown = ", ".join(names[:_NAMED_LIMIT]) + (", ..." if len(names) > _NAMED_LIMIT else "")
        return f"{subject} has {shown}" if names else f"{subject} is empty"
    if isinstance(here, list | tuple):
        return f"{subject} is a list of {len(cast(Sequence[Any], here))}"
    return f"{subject} is {'null' if here is None else type(here).__name__}"
