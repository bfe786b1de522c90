"""Whether there is anything in a result. Pure."""

from typing import Any, cast

_DEEPEST = 20
"""Whoever nests deeper has something to say."""


def is_nothing(value: Any, depth: int = 0) -> bool:
    """Return True of `null`, no text, 0, and of what holds nothing but such."""
    if value is None or depth > _DEEPEST:
        return value is None
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return value == 0
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value).values()
    elif isinstance(value, list):
        inner = cast("list[Any]", value)
    else:
        return False
    return all(is_nothing(each, depth + 1) for each in inner)
