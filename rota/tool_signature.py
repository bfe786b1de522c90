"""What a typed function takes, as a tool's arguments: read from its signature."""

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, create_model


def read_signature(
    label: str, function: Callable[..., Any], context_type: type
) -> tuple[str | None, type[BaseModel]]:
    """Return the name of the context parameter, if there is one, and a model of the others.

    Args:
        label: The tool's name, for messages.
        function: What is read.
        context_type: The parameter of this type is the context, never shown to a model.

    Raises:
        TypeError: a parameter has no name or no type that a model could be shown.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"tool {label}: an annotation names an unknown type: {error}") from error
    context: str | None = None
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"tool {label}: *args and **kwargs have no schema; name each argument")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"tool {label}: arguments are passed by name; remove the '/'")
        if parameter.name not in hints:
            raise TypeError(f"tool {label}: give the argument '{parameter.name}' a type")
        hint = hints[parameter.name]
        if hint is context_type or context_type in get_args(hint):
            if context is not None:
                raise TypeError(f"tool {label}: one {context_type.__name__} is enough")
            context = parameter.name
            continue
        _check_field(label, parameter.name, hint)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hint, default)
    model = create_model(f"{label} arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return context, model


def context_parameter(function: Callable[..., Any], context_type: type) -> str | None:
    """Return the name of the function's parameter of that type, or None.

    Raises:
        TypeError: an annotation names an unknown type.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"an annotation names an unknown type: {error}") from error
    for name, hint in hints.items():
        if name != "return" and (hint is context_type or context_type in get_args(hint)):
            return name
    return None


def check_subset(
    label: str, function: Callable[..., Any], context_type: type, arguments: type[BaseModel]
) -> None:
    """Refuse a `reconcile` that could not be called with the arguments of its tool.

    Raises:
        TypeError: it takes something that the tool does not.
    """
    context = context_parameter(function, context_type)
    for name in inspect.signature(function).parameters:
        if name != context and name not in arguments.model_fields:
            raise TypeError(
                f"tool {label}: reconcile takes '{name}', which is no argument of the tool: "
                f"name its {context_type.__name__}, and any of "
                f"{', '.join(arguments.model_fields) or 'no arguments'}"
            )


def _check_field(label: str, name: str, hint: Any) -> None:
    """Refuse what pydantic would quietly drop, shadow, or fail on when a run is on."""
    if name.startswith("_") or hasattr(BaseModel, name):
        raise TypeError(f"tool {label}: an argument cannot be named '{name}'; rename it")
    try:
        TypeAdapter(hint).json_schema()
    except PydanticUserError as error:
        raise TypeError(
            f"tool {label}: the argument '{name}' has a type that JSON cannot carry: {hint}"
        ) from error
