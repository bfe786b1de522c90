"""Reads the fields of a provider's JSON answer, and fails by name where the shape is another.

An API that changed must not turn into a `None` that travels on: whoever reads the message
learns which service, which field, and what was there instead.
"""

from typing import Any, TypeVar, cast, overload

from rota.failures import FailureCategory, StepError

T = TypeVar("T")

_ABSENT = object()
_NAMES: dict[type[Any], str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


@overload
def field(
    data: Any, path: str, kind: type[dict[Any, Any]], vendor: str, *, maybe_billed: bool = True
) -> dict[str, Any]: ...


@overload
def field(
    data: Any, path: str, kind: type[list[Any]], vendor: str, *, maybe_billed: bool = True
) -> list[Any]: ...


@overload
def field(data: Any, path: str, kind: type[T], vendor: str, *, maybe_billed: bool = True) -> T: ...
def field(data: Any, path: str, kind: type[Any], vendor: str, *, maybe_billed: bool = True) -> Any:
    """Return what stands at `path`.

    Args:
        data: The parsed answer.
        path: Names and positions joined by dots: `choices.0.message`.
        kind: `str`, `bool`, `int`, `float` (takes whole numbers too), `dict` or `list`.
        vendor: Whose answer it is, as people call it.
        maybe_billed: Whether the call that answered may have done work.

    Raises:
        StepError: `outcome_invalid`: it is missing, null or of another type.
    """
    found = _at(data, path)
    if not _is(found, kind):
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"{vendor}'s answer has no usable {path}: it should be "
            f"{_NAMES.get(kind, kind.__name__)}, {_shown(found)}",
            maybe_billed=maybe_billed,
        )
    return float(found) if kind is float else found


@overload
def optional_field(
    data: Any, path: str, kind: type[dict[Any, Any]], vendor: str, *, maybe_billed: bool = True
) -> dict[str, Any] | None: ...


@overload
def optional_field(
    data: Any, path: str, kind: type[list[Any]], vendor: str, *, maybe_billed: bool = True
) -> list[Any] | None: ...


@overload
def optional_field(
    data: Any, path: str, kind: type[T], vendor: str, *, maybe_billed: bool = True
) -> T | None: ...
def optional_field(
    data: Any, path: str, kind: type[Any], vendor: str, *, maybe_billed: bool = True
) -> Any:
    """Return what stands at `path`, or None if it is missing or null.

    Raises:
        StepError: `outcome_invalid`: it is there with another type.
    """
    if _at(data, path) in (_ABSENT, None):
        return None
    return field(data, path, kind, vendor, maybe_billed=maybe_billed)


def _at(data: Any, path: str) -> Any:
    found = data
    for part in path.split("."):
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(part, _ABSENT)
        elif isinstance(found, list) and part.isdecimal():
            items = cast("list[Any]", found)
            found = items[int(part)] if int(part) < len(items) else _ABSENT
        else:
            return _ABSENT
    return found


def _is(found: Any, kind: type[Any]) -> bool:
    if isinstance(found, bool):
        return kind is bool
    return isinstance(found, (int, float) if kind is float else kind)


def _shown(found: Any) -> str:
    if found is _ABSENT:
        return "and is missing"
    if found is None:
        return "and is null"
    # Not the value: it may be long, or somebody's data.
    return f"and is {_NAMES.get(cast('type[Any]', type(found)), type(found).__name__)}"
