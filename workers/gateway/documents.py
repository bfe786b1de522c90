"""The body of a delivery as a document: JSON, or a form."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from rota.model import canonical_json

MOST_FIELDS = 1000
"""Fields of a form."""
DEEPEST = 100
"""Lists and mappings within one another: half of what a run could still read."""


class DeliveryError(ValueError):
    """A body that is no document; the message says what it should be."""


def document_of(headers: Mapping[str, str], body: bytes) -> Any:
    """Read a body: JSON, or a form, also one that holds JSON in its field `payload`.

    Raises:
        DeliveryError: it is neither.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return _json(body)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise DeliveryError(f"the body is no form: {error}") from error
    form = dict(fields)
    return _json(form["payload"].encode()) if list(form) == ["payload"] else form


def _json(body: bytes) -> Any:
    try:
        document = json.loads(body)
        # What Python reads and nobody can store: NaN, 1e999, half of a surrogate pair.
        canonical_json(document)
    except (ValueError, RecursionError) as error:
        raise DeliveryError("the body is not JSON") from error
    if _is_deeper(document, DEEPEST):
        raise DeliveryError(f"the body is nested more than {DEEPEST} deep")
    return document


def _is_deeper(document: Any, most: int) -> bool:
    level = [document]
    for _ in range(most):
        level = [inner for each in level for inner in _children(each) if _holds(inner)]
    return bool(level)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)
