"""What models write, made fit to be kept: tool arguments, and halves of characters. Pure.

A model may write what is almost JSON, or half a character. Neither may reach a tool, and
neither may spoil the record of an answer that was paid for.
"""

import json
from typing import Any, cast

from rota.model import canonical_json

INVALID_JSON = "INVALID_JSON"
"""The one argument of a tool call whose arguments were not a JSON object, with their text
in it. No tool declares it, so validation refuses the call and the model sees why."""


def read_arguments(text: str) -> dict[str, Any]:
    """Return a tool call's arguments from their JSON; none for blank text.

    Text that is no JSON object becomes `INVALID_JSON`: arguments that were cut never turn
    into a valid call with fewer of them.
    """
    text = whole_text(text)
    if not text.strip():
        return {}
    try:
        arguments = json.loads(text)
        # Python also reads what JSON cannot write: NaN, 1e999, half a surrogate pair.
        canonical_json(arguments)
    except (ValueError, RecursionError):
        return {INVALID_JSON: text}
    if not isinstance(arguments, dict):
        return {INVALID_JSON: text}
    return cast("dict[str, Any]", arguments)


def whole_text(value: Any) -> Any:
    """Put the halves of surrogate pairs together in any JSON, and replace those left alone.

    A model may write half a character, or two events may carry one half each; UTF-8, and
    so the record of a reply that was paid for, has no form for a half.
    """
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [whole_text(item) for item in cast("list[Any]", value)]
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {whole_text(key): whole_text(item) for key, item in items}
        case _:
            return value
