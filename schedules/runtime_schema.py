"""The JSON Schema of one kind's `runtime` block, with what its models say of their keys."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from rota.runtimes.kind import RuntimeKind
from schedules.schema_docs import describe

Schema = dict[str, Any]


def runtime_schema(kind: RuntimeKind) -> Schema:
    """Return the schema (2020-12) of the block, whole: its parts are in `$defs`."""
    schema = kind.settings.model_json_schema(by_alias=True)
    describe(schema, kind.settings)
    for part in _parts(kind.settings, set()):
        # A part of another name in the schema stands for two classes: it keeps bare keys.
        if part.__name__ in schema.get("$defs", {}):
            describe(schema["$defs"][part.__name__], part)
    schema["required"] = sorted({"kind", *schema.get("required", [])})
    return schema


def _parts(model: type[BaseModel], seen: set[type]) -> Iterator[type[BaseModel]]:
    """Yield every model that stands in a field of `model`, however deep."""
    for field in model.model_fields.values():
        for found in _models_in(field.annotation):
            if found not in seen:
                seen.add(found)
                yield found
                yield from _parts(found, seen)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
