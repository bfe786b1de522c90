"""`rota runtimes`: what agents can think with here, and what each kind can promise."""

from pathlib import Path
from typing import Any

import click

from activities.runtimes.kinds import RuntimeKindError, runtime_kind, runtime_kinds
from rota.runtimes.kind import Capabilities, RuntimeKind
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import Fleet, load_fleet
from schedules.runtime_schema import runtime_schema
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.fleet_runtimes import UsedRuntime, has_fleet, show_used, used_runtimes
from workers.cli.options import command
from workers.cli.output import print_json, remark
from workers.cli.runtime_tables import show_all, show_one


@command(
    "runtimes",
    example=("rota runtimes", "rota runtimes claude-managed", "rota runtimes --json"),
    json="[{kind, shape, built_on, capabilities: {name: bool}, by_settings: [name], remains, "
    "used_by: [{agent, fallback, model, queue, by_settings}], settings: JSON Schema}]",
)
@click.argument("kind", required=False)
@click.option(
    "--fleet",
    "folder",
    type=click.Path(path_type=Path),
    envvar="ROTA_FLEET",
    help="Also show what this fleet uses. Default: ROTA_FLEET, or the fleet in this folder.",
)
def runtimes_command(kind: str | None, folder: Path | None, as_json: bool) -> None:
    """List the kinds of runtimes, and what each can promise.

    Those of other packages, registered under the entry point rota.runtimes, are among them.
    With KIND: each promise in words, what can still go wrong, and the keys of its block. What
    depends on settings is told apart; for the agents of a fleet it is worked out.
    """
    try:
        shown = [runtime_kind(kind)] if kind else list(runtime_kinds().values())
    except RuntimeKindError as error:
        raise CommandError(str(error), ExitCode.NOT_FOUND if kind else ExitCode.FAILED) from error
    if kind and not as_json:
        show_one(shown[0])
        return
    fleet = _fleet(folder)
    used = used_runtimes(fleet) if fleet is not None else []
    if as_json:
        print_json([_document(each, used) for each in shown])
        return
    show_all(shown)
    click.echo("\n'rota runtimes KIND' says what each means, what remains, and how to declare it.")
    if fleet is not None and used:
        click.echo("")
        show_used(fleet.name, used)


def _fleet(folder: Path | None) -> Fleet | None:
    """Return the fleet to tell of: one that was named, or one that happens to be here."""
    here = Path()
    try:
        if folder is not None:
            return load_fleet(folder)
        return load_fleet(here) if has_fleet(here) else None
    except DeclarationErrors as error:
        if folder is not None:
            raise
        remark(f"the fleet in this folder is left out: {str(error).splitlines()[0]}")
        return None


def _document(kind: RuntimeKind, used: list[UsedRuntime]) -> dict[str, Any]:
    names = Capabilities.names()
    return {
        "kind": kind.kind,
        "shape": kind.shape.value,
        "built_on": kind.summary,
        "capabilities": {name: getattr(kind.capabilities, name) for name in names},
        "by_settings": list(kind.by_settings),
        "remains": kind.capabilities.remains,
        "used_by": [each.document for each in used if each.kind == kind.kind],
        "settings": runtime_schema(kind),
    }
