"""Paths into a JSON Schema: what cannot be there is told, what may be there passes."""

from typing import Any

import pytest

from schedules.schema_paths import NoSuchPathError, subschema, types_of

REPORT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        "note": {"anyOf": [{"type": "object", "properties": {"text": {}}}, {"type": "null"}]},
        "pair": {"prefixItems": [{"type": "string"}], "type": "array", "items": False},
        "free": {"type": "object"},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "shut": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "mixed": {"allOf": [{"type": "object", "properties": {"a": {}}}]},
    },
    "$defs": {"row": {"type": "object", "properties": {"sku": {"type": "string"}}}},
}

GOOD = [
    "",
    "total",
    "rows",
    "rows.0",
    "rows.17.sku",
    "note.text",
    "pair.0",
    "free.anything.at.all",
    "map.anything",
    "shut.a.b",
    "mixed.whatever",
]
BAD = [
    ("totl", "has no 'totl'; did you mean 'total'? (or let its schema say", False),
    ("total.sum", "is of type number and has no 'sum'", True),
    ("rows.first", "is a list and has no 'first'; write an index", True),
    ("rows.0.price", "has no 'price'; known: sku", False),
    ("note.txt", "has no 'txt'; did you mean 'text'?", False),
    ("pair.1", "has 1 items and no '1'", True),
    ("map.a.b", "is of type integer and has no 'b'", True),
    ("shut.b", "has no 'b'; known: a", True),
]


@pytest.mark.parametrize("path", GOOD)
def test_subschema_of_a_path_that_may_be_there_passes(path: str) -> None:
    """Open schemas, references, alternatives and lists let through what they allow."""
    subschema(REPORT, path.split(".") if path else [])


@pytest.mark.parametrize(("path", "message", "certain"), BAD, ids=[b[0] for b in BAD])
def test_subschema_of_a_path_that_cannot_be_there_says_what_there_is(
    path: str, message: str, certain: bool
) -> None:
    """The message names what was looked for and what is known."""
    with pytest.raises(NoSuchPathError) as caught:
        subschema(REPORT, path.split("."))
    assert message in str(caught.value)
    assert caught.value.certain is certain


@pytest.mark.parametrize("schema", [True, {}, {"$ref": "#"}, {"$ref": "#/$defs/gone"}, None])
def test_subschema_of_a_schema_that_says_nothing_passes(schema: Any) -> None:
    """Without a plain schema nothing is refused, and nothing runs for ever."""
    assert subschema(schema, ["a", "b"]) is None


def test_types_of_reads_one_type_or_several() -> None:
    """Types come as a set, empty where the schema is silent."""
    assert types_of({"type": "array"}) == {"array"}
    assert types_of({"type": ["array", "null"]}) == {"array", "null"}
    assert types_of({}) == types_of(None) == set()
