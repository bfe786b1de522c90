"""The JSON Schema of `fleet.yaml`, for editors that complete and check YAML.

Derived from its models; descriptions are their docstrings.
"""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from rota.fleet_file import FleetFile
from rota.language.names import NAME_PATTERN
from schedules.schema_docs import describe

Schema = dict[str, Any]


def fleet_file_schema() -> Schema:
    """Return the schema (2020-12) of `fleet.yaml`."""
    schema = FleetFile.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = schema.get("$defs", {})
    for model in _models(FleetFile):
        form = definitions.get(model.__name__, schema)
        describe(form, model)
        for shown in (form, *form["properties"].values()):
            shown.pop("title", None)
    schema["properties"]["name"] |= {"pattern": NAME_PATTERN, "maxLength": 60}
    # The folder's name stands in for it.
    del schema["required"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Rota fleet",
        "description": "What a fleet has in common; every key is optional.",
    }


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the model and all that its fields hold, however wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for info in annotation.model_fields.values():
            yield from _models(info.annotation)
    for argument in get_args(annotation):
        yield from _models(argument)
