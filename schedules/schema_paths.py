"""Whether a JSON Schema lets a value have a path, so that a typing error shows early.

Pure. It speaks only where a schema is plain: behind `allOf`, `if` and the like anything
goes. A schema that lists properties and says nothing of others is taken at its word.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from schedules.explain import suggest

_OPAQUE = {"allOf", "if", "not", "dependentSchemas", "unevaluatedProperties", "$dynamicRef"}
_HOPS = 20

Schema = dict[str, Any]


class NoSuchPathError(ValueError):
    """No value that fits the schema has the path."""

    def __init__(self, message: str, *, certain: bool) -> None:
        super().__init__(message)
        self.certain = certain
        """False if the schema merely does not name it."""


def subschema(schema: Any, path: Sequence[str]) -> Schema | None:
    """Return what `schema` says of the value at `path`; None if it says nothing.

    Raises:
        NoSuchPathError: there is no such value; the message says what there is.
    """
    here: list[Any] = [schema]
    for segment in path:
        following: list[Any] = []
        errors: list[NoSuchPathError] = []
        for option in (one for part in here for one in _alternatives(part, schema)):
            if option is None:
                return None
            try:
                following.append(_step(option, segment))
            except NoSuchPathError as error:
                errors.append(error)
        if None in following:
            return None
        if not following:
            raise errors[0]
        here = following
    alternatives = [one for part in here for one in _alternatives(part, schema)]
    return alternatives[0] if len(alternatives) == 1 else None


def types_of(schema: Schema | None) -> set[str]:
    """Return the JSON types a value may have; empty if the schema does not say."""
    kind = schema.get("type") if schema else None
    return {kind} if isinstance(kind, str) else set(cast("list[str]", kind or []))


def _alternatives(schema: Any, root: Any) -> Iterator[Schema | None]:
    """Yield the plain schemas that `schema` stands for; None where anything goes."""
    open_schemas, hops = [schema], 0
    while open_schemas:
        hops += 1
        one = open_schemas.pop()
        if not isinstance(one, dict) or hops > _HOPS or _OPAQUE & set(cast("Schema", one)):
            yield None
            continue
        plain = cast("Schema", one)
        choices = plain.get("anyOf") or plain.get("oneOf")
        if "$ref" in plain:
            open_schemas.append(_target(str(plain["$ref"]), root))
        elif choices is None:
            yield plain
        elif "properties" in plain or "items" in plain:
            yield None
        else:
            open_schemas.extend(reversed(cast("list[Any]", choices)))


def _target(reference: str, root: Any) -> Any:
    node: Any = root
    for step in filter(None, reference.removeprefix("#").split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        node = _below(node, name)
    return node


def _below(node: Any, name: str) -> Schema | None:
    """Return what lies under `name`; None, of which nothing is said, if that is unclear."""
    return _said(cast("Schema", node).get(name)) if isinstance(node, dict) else None


def _step(schema: Schema, segment: str) -> Any:
    """Return the schema one segment below; None if it says nothing of it."""
    kinds = types_of(schema)
    if "object" in kinds or (not kinds and "properties" in schema):
        return _property(schema, segment)
    if "array" in kinds or (not kinds and "items" in schema):
        return _item(schema, segment)
    if not kinds:
        return None
    raise NoSuchPathError(
        f"is of type {' or '.join(sorted(kinds))} and has no '{segment}'", certain=True
    )


def _property(schema: Schema, name: str) -> Any:
    properties = cast("Schema", schema.get("properties") or {})
    if name in properties:
        return _said(properties[name])
    patterns = cast("Schema", schema.get("patternProperties") or {})
    if any(re.search(pattern, name) for pattern in patterns):
        return None
    others = schema.get("additionalProperties")
    if others is True or isinstance(others, dict) or (others is None and not properties):
        return _said(others)
    closed = others is False
    hint = "" if closed else " (or let its schema say additionalProperties: true)"
    raise NoSuchPathError(f"has no '{name}'; {suggest(name, [*properties])}{hint}", certain=closed)


def _item(schema: Schema, index: str) -> Any:
    if not index.isdigit():
        raise NoSuchPathError(
            f"is a list and has no '{index}'; write an index, for example 0", certain=True
        )
    first = cast("list[Any]", schema.get("prefixItems") or [])
    if int(index) < len(first):
        return _said(first[int(index)])
    others = schema.get("items")
    if others is False:
        raise NoSuchPathError(f"has {len(first)} items and no '{index}'", certain=True)
    return _said(others)


def _said(schema: Any) -> Schema | None:
    return cast("Schema", schema) if isinstance(schema, dict) else None
