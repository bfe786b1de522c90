"""Pydantic's findings in the words of someone who writes YAML.

Pure. Values are shown only where the wrong value is the point (a choice, a number), so a
secret written in the wrong place does not end up in a terminal or a build log.
"""

import difflib
import types
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rota.language.durations import format_duration
from schedules.declaration_errors import KeyPath

_SHOWN = 40
_LISTED = 12


class Mismatch(NamedTuple):
    """One problem of a model, before it has a file and a line."""

    path: KeyPath
    """May go deeper than the YAML does, where pydantic names a type or an item."""
    message: str
    absent: bool
    """The key at `path` is missing, so no line holds it."""


def explain(error: ValidationError, model: type[BaseModel]) -> list[Mismatch]:
    """Return each problem and what to do about it, in pydantic's order."""
    found = error.errors()
    return [
        Mismatch(_path(details), _message(details, model), details["type"] == "missing")
        for details in found
        if not _follows(details, found)
    ]


def _path(details: ErrorDetails) -> KeyPath:
    """Where it is; of a mapping's key that is wrong, that key."""
    path = tuple(details["loc"])
    return path[:-1] if path[-1:] == ("[key]",) else path


def _follows(details: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """True of a list that is short because what stands in it is wrong, which is told already."""
    own = details["loc"]
    below = (each["loc"] for each in found if len(each["loc"]) > len(own))
    return details["type"] == "too_short" and any(loc[: len(own)] == own for loc in below)


def suggest(word: str, known: Sequence[str]) -> str:
    """Return `did you mean 'x'?`, or the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = ", ".join(sorted(known)[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
    return f"known: {shown}" if shown else "none is known"


def name_type(value: object) -> str:
    """Return what a YAML author would call the value."""
    names = {
        "NoneType": "nothing",
        "bool": "true or false",
        "int": "a number",
        "float": "a number",
        "str": "text",
        "dict": "a mapping",
        "list": "a list",
    }
    name = value.__class__.__name__
    return names.get(name, name)


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        key = str(details["loc"][-1])
        return f"unknown key '{key}'; {suggest(key, _keys_at(model, details['loc'][:-1]))}"
    if kind == "value_error":
        return str(details.get("ctx", {}).get("error", details["msg"]))
    if kind in _WORDS:
        return _WORDS[kind](details)
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {name_type(details['input'])}"
    return details["msg"]


def _show(value: Any) -> str:
    text = str(value)
    return f"'{text[:_SHOWN]}...'" if len(text) > _SHOWN else f"'{text}'"


def _choice(details: ErrorDetails) -> str:
    expected = str(details.get("ctx", {}).get("expected", ""))
    options = expected.replace(" or ", ", ").replace("'", "").split(", ")
    return f"{_show(details['input'])} is none of {', '.join(options)}"


def _text(details: ErrorDetails) -> str:
    got = name_type(details["input"])
    hint = "; quote it" if got in ("a number", "true or false") else ""
    if got == "a mapping":
        hint = '; quote text that begins with a brace, for example "{input.account}"'
    return f"expected text, got {got}{hint}"


def _limit(words: str, name: str) -> Callable[[ErrorDetails], str]:
    def message(details: ErrorDetails) -> str:
        limit: Any = details.get("ctx", {}).get(name)
        shown = f"{limit:g}" if isinstance(limit, float) else limit
        value: Any = details["input"]
        given = format_duration(value) if isinstance(value, timedelta) else value
        return f"must be {words} {shown}, not {given}"

    return message


def _length(words: str) -> Callable[[ErrorDetails], str]:
    def message(details: ErrorDetails) -> str:
        return f"must have at most {details.get('ctx', {}).get('max_length')} {words}"

    return message


_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "missing; this key is required",
    "enum": _choice,
    "literal_error": _choice,
    "string_type": _text,
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda _: "must not be empty",
    "string_too_long": _length("characters"),
    "too_long": _length("entries"),
    "greater_than": _limit("more than", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("less than", "lt"),
    "less_than_equal": _limit("at most", "le"),
}

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "date_type": "a date such as 2026-12-25",
    "date_parsing": "a date such as 2026-12-25",
    "date_from_datetime_parsing": "a date such as 2026-12-25",
    "date_from_datetime_inexact": "a date such as 2026-12-25",
    "datetime_type": "a time such as 2026-12-25T06:00:00+01:00",
    "datetime_parsing": "a time such as 2026-12-25T06:00:00+01:00",
    "datetime_from_date_parsing": "a time such as 2026-12-25T06:00:00+01:00",
}


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that the model at `path` knows; empty where that is unclear."""
    annotation: Any = model
    for step in path:
        if isinstance(step, int):
            continue
        if (values := _values(annotation)) is not None:
            annotation = values
            continue
        fields = _fields(annotation)
        if step not in fields:
            return []
        annotation = fields[step]
    return list(_fields(annotation))


def _values(annotation: Any) -> Any:
    """Return the type of the values if `annotation` is a mapping of models, else None."""
    if get_origin(annotation) is not dict:
        return None
    values = get_args(annotation)[1]
    return values if _fields(values) else None


def _fields(annotation: Any) -> dict[str, Any]:
    """Return key to type of the models inside `annotation`, by their YAML names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            info.alias or name: info.annotation for name, info in annotation.model_fields.items()
        }
    if get_origin(annotation) in (Union, types.UnionType, Annotated, tuple, list):
        found: dict[str, Any] = {}
        for argument in get_args(annotation):
            found |= _fields(argument)
        return found
    return {}
