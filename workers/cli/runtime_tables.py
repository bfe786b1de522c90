"""The kinds of runtimes as tables: all with their promises, or one with its keys."""

from typing import Any

import click
from pydantic import BaseModel
from rich.text import Text

from rota.language.durations import format_duration
from rota.runtimes.kind import Capabilities, RuntimeKind
from schedules.schema_docs import attribute_docs
from workers.cli.output import console, print_table, table

_WHOLE_WIDTH = 116
"""Columns that one column for each promise needs."""


def show_all(kinds: list[RuntimeKind]) -> None:
    """Print what each kind promises: crossed with the promises, or as lists where it is narrow."""
    if console().width >= _WHOLE_WIDTH:
        _show_crossed(kinds)
    else:
        _show_listed(kinds)


def _show_crossed(kinds: list[RuntimeKind]) -> None:
    names = Capabilities.names()
    made = table("KIND", "SHAPE", *(_words(name).upper() for name in names))
    for kind in kinds:
        made.add_row(kind.kind, kind.shape.value, *(_mark(kind, name) for name in names))
    print_table(made)
    if any(kind.by_settings for kind in kinds):
        click.echo("\nopt: some settings add it.")


def _show_listed(kinds: list[RuntimeKind]) -> None:
    made = table("KIND\nshape", "PROMISES\n+ what some settings add")
    for kind in kinds:
        names = [name for name in Capabilities.names() if getattr(kind.capabilities, name)]
        always = Text(", ".join(map(_words, names)) or "-", "green" if names else "dim")
        more = ", ".join(map(_words, kind.by_settings))
        made.add_row(
            Text(kind.kind).append(f"\n{kind.shape.value}", "dim"),
            always.append(f"\n+ {more}", "yellow") if more else always,
        )
    print_table(made)


def _mark(kind: RuntimeKind, name: str) -> Text:
    if getattr(kind.capabilities, name):
        return Text("yes", "green")
    return Text("opt", "yellow") if name in kind.by_settings else Text("-", "dim")


def show_one(kind: RuntimeKind) -> None:
    """Print each promise in words, what can still go wrong, and the keys of the block."""
    out = console()
    out.print(Text.assemble((kind.kind, "bold"), f": {kind.summary} ({kind.shape.value})\n"))
    _show_promises(kind)
    if kind.capabilities.remains:
        out.print(Text.assemble("\n", ("What remains", "bold"), f": {kind.capabilities.remains}"))
    out.print("")
    _show_keys(kind)


def _show_promises(kind: RuntimeKind) -> None:
    docs = attribute_docs(Capabilities)
    promises = table("PROMISE", "", "")
    for name in Capabilities.names():
        if getattr(kind.capabilities, name):
            mark = Text("yes", "green")
        elif name in kind.by_settings:
            mark = Text("by settings", "yellow")
        else:
            mark = Text("no", "dim")
        promises.add_row(_words(name), mark, Text(docs.get(name, "")))
    print_table(promises)


def _show_keys(kind: RuntimeKind) -> None:
    keys = table("KEY", "DEFAULT", "MEANING")
    docs = attribute_docs(kind.settings)
    fields = kind.settings.model_fields
    own = [name for name in fields if name in vars(kind.settings)["__annotations__"]]
    for name in dict.fromkeys((*own, *fields)):
        field = fields[name]
        default = "required"
        if not field.is_required():
            default = _shown(field.get_default(call_default_factory=True))
        keys.add_row(field.alias or name, Text(default), Text(docs.get(name, "")))
    print_table(keys)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(default: Any) -> str:
    if default is None or default in ((), {}):
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, BaseModel):
        return "none"  # a block of keys that may each be left out
    if hasattr(default, "total_seconds"):
        return format_duration(default)
    return str(default)
