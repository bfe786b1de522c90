"""`rota runtimes`: what agents can think with here, and what each kind can promise."""

from typing import Any

import click
from rich.text import Text

from activities.runtimes.kinds import RuntimeKindError, runtime_kind, runtime_kinds
from rota.durations import format_duration
from rota.runtime_kind import Capabilities, RuntimeKind
from schedules.runtime_schema import runtime_schema
from schedules.schema_docs import attribute_docs
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command
from workers.cli.output import console, print_json, print_table, table


@command(
    "runtimes",
    example=("rota runtimes", "rota runtimes claude-managed", "rota runtimes --json"),
    json="[{kind, shape, built_on, capabilities: {name: bool}, remains, settings: JSON Schema}]",
)
@click.argument("kind", required=False)
def runtimes_command(kind: str | None, as_json: bool) -> None:
    """List the kinds of runtimes, and what each can promise.

    Those of other packages, registered under the entry point rota.runtimes, are among them.
    With KIND: each promise in words, what can still go wrong, and the keys of its block.
    """
    try:
        shown = [runtime_kind(kind)] if kind else list(runtime_kinds().values())
    except RuntimeKindError as error:
        raise CommandError(str(error), ExitCode.NOT_FOUND if kind else ExitCode.FAILED) from error
    if as_json:
        print_json([_document(each) for each in shown])
    elif kind:
        _show_one(shown[0])
    else:
        _show_all(shown)


def _show_all(kinds: list[RuntimeKind]) -> None:
    names = Capabilities.names()
    made = table("KIND", "SHAPE", *(name.replace("_", " ").upper() for name in names))
    for kind in kinds:
        marks = (getattr(kind.capabilities, name) for name in names)
        made.add_row(
            kind.kind,
            kind.shape.value,
            *(Text("yes", "green") if mark else Text("-", "dim") for mark in marks),
        )
    print_table(made)
    click.echo("\n'rota runtimes KIND' says what each means, what remains, and how to declare it.")


def _show_one(kind: RuntimeKind) -> None:
    out = console()
    out.print(Text.assemble((kind.kind, "bold"), f": {kind.summary} ({kind.shape.value})\n"))
    docs = attribute_docs(Capabilities)
    promises = table("PROMISE", "", "")
    for name in Capabilities.names():
        mark = getattr(kind.capabilities, name)
        promises.add_row(
            name.replace("_", " "),
            Text("yes", "green") if mark else Text("no", "dim"),
            Text(docs.get(name, "")),
        )
    print_table(promises)
    if kind.capabilities.remains:
        out.print(Text.assemble("\n", ("What remains", "bold"), f": {kind.capabilities.remains}"))
    out.print("")
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


def _shown(default: Any) -> str:
    if default is None or default in ((), {}):
        return "none"
    if hasattr(default, "total_seconds"):
        return format_duration(default)
    return str(default)


def _document(kind: RuntimeKind) -> dict[str, Any]:
    names = Capabilities.names()
    return {
        "kind": kind.kind,
        "shape": kind.shape.value,
        "built_on": kind.summary,
        "capabilities": {name: getattr(kind.capabilities, name) for name in names},
        "remains": kind.capabilities.remains,
        "settings": runtime_schema(kind),
    }
