"""The body of a delivery as a document: JSON, or a form."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from rota.model import canonical_json

MOST_FIELDS = 1000
"""Fields of a form."""


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
    return document
