"""What keeps a JSON value from fitting a schema, in lines that a model or person can act on."""

from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY  # pyright: ignore[reportMissingTypeStubs]
from referencing.exceptions import Unresolvable

PROBLEMS_SHOWN = 10


def schema_fault(schema: dict[str, Any]) -> str:
    """Say why `schema` is no JSON Schema; empty if it is one. For those of other people."""
    try:
        _draft_of(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        return error.message[:200]
    return ""


def schema_problems(schema: dict[str, Any], value: Any, *, whole: str) -> list[str]:
    """Return one line per problem with its place, at most `PROBLEMS_SHOWN`; empty if it fits.

    Args:
        schema: JSON Schema, checked before; 2020-12 unless it names another draft.
        value: The value to check.
        whole: What the value as a whole is called: `the result`, `the input`.
    """
    problems: list[str] = []
    # Its own registry, or a reference elsewhere would be fetched, whoever wrote it.
    validator = _draft_of(schema)(schema, registry=REGISTRY)
    try:
        for error in validator.iter_errors(value):
            # Both parts may hold the model's own words, of any length.
            place = "/".join(str(part) for part in error.absolute_path) or whole
            problems.append(f"{place[:100]}: {error.message[:200]}")
            if len(problems) == PROBLEMS_SHOWN:
                break
    except (Unresolvable, RecursionError) as error:
        # Such a reference is found out only on the way to it.
        problems.append(f"{whole}: its schema cannot be applied: {type(error).__name__}: {error}")
    return problems


def _draft_of(schema: dict[str, Any]) -> type[Validator]:
    """The draft that the schema names, or else the one that everybody means today."""
    if not isinstance(schema.get("$schema"), str):
        return jsonschema.Draft202012Validator
    return validator_for(schema, default=jsonschema.Draft202012Validator)
