"""Tables of keys in the documentation, compared with the models that read the YAML."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rota.language.durations import format_duration
from tests.house.documentation import Table, quoted, tables

KEYS = ("key", "default", "meaning")


def table_of(page: Path, first: str) -> Table:
    """The page's table whose first row begins with `first`."""
    return next(t for t in tables(page) if t.rows and quoted(t.rows[0][t.heading[0]]) == [first])


def key_tables(page: Path) -> Iterator[Table]:
    """The page's tables of keys."""
    return (table for table in tables(page) if table.heading == KEYS)


def default_of(field: FieldInfo) -> str:
    """A default as the pages write it."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        return "none" if value == type(value)() else repr(value)
    return "none" if value in (None, (), {}, "") else f"{value:g}" if value == 0 else str(value)


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field at a key such as `status.state`; None if there is none."""
    name, _, rest = key.partition(".")
    named = {field.alias or name: field for name, field in model.model_fields.items()}
    field = named.get(name)
    if field is None or not rest:
        return field
    inner = next(models_in(field.annotation), None)
    return field_of(inner, rest) if inner else None


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models among the types of an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def mistakes(table: Table, model: type[BaseModel]) -> list[str]:
    """What a table of keys says that the model does not."""
    found: list[str] = []
    for row in table.rows:
        for key in quoted(row["key"]):
            field = field_of(model, key)
            if field is None:
                found.append(f"{table.place}: there is no key '{key}'")
            elif row["default"] not in (default_of(field), repr_of_empty(field)):
                found.append(f"{table.place}: {key} is {default_of(field)}, not {row['default']}")
    return found


def repr_of_empty(field: FieldInfo) -> str | None:
    """An empty text may be told as nothing at all."""
    return "" if field.get_default() == "" else None
