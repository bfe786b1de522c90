"""Every kind of runtime this environment has: the built-in ones and those by entry point.

Imports no SDK and no built-in runtime, so `rota validate` may ask here too.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from rota.runtimes.kind import RuntimeKind
from rota.runtimes.kinds import BUILT_IN

GROUP = "rota.runtimes"
"""The entry point under which other packages register a `rota.runtimes.kind.RuntimeKind`."""


class RuntimeKindError(ValueError):
    """There is no such runtime, or one that is installed cannot be used."""


@cache
def runtime_kinds() -> dict[str, RuntimeKind]:
    """Return all kinds by name, in alphabetical order. Read once per process.

    Raises:
        RuntimeKindError: an installed one cannot be loaded, is no `RuntimeKind`, or has the
            name of another.
    """
    found = dict(BUILT_IN)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        where = f"entry point {entry.name} = {entry.value}"
        try:
            kind: object = entry.load()
        except Exception as error:
            raise RuntimeKindError(f"{where}: {type(error).__name__}: {error}") from error
        if not isinstance(kind, RuntimeKind):
            raise RuntimeKindError(f"{where} is no rota.runtimes.kind.RuntimeKind")
        if kind.kind in found:
            raise RuntimeKindError(f"{where}: there is a runtime '{kind.kind}' already")
        found[kind.kind] = kind
    return dict(sorted(found.items()))


def runtime_kind(kind: str) -> RuntimeKind:
    """Return the kind of that name.

    Raises:
        RuntimeKindError: there is none; the message lists those there are.
    """
    kinds = runtime_kinds()
    if kind not in kinds:
        raise RuntimeKindError(f"unknown runtime '{kind}'; known: {', '.join(kinds)}")
    return kinds[kind]


def account_of(kind: str, settings: dict[str, Any]) -> str:
    """Return whose capacity a call with these settings uses; empty if nobody's.

    Raises:
        RuntimeKindError: there is no such kind.
        pydantic.ValidationError: the settings are not of that kind.
    """
    return runtime_kind(kind).settings.model_validate(settings).account
