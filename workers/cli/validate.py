"""`rota validate` and `rota schema`: what can be said without a server."""

from pathlib import Path
from typing import Any

import click

from schedules.declaration_errors import DeclarationErrors
from schedules.fleet_schema import fleet_file_schema
from schedules.json_schema import fleet_json_schema
from workers.checked_fleet import CheckedFleet, check_fleet
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, fleet_option
from workers.cli.output import now, print_json, remark


@command(
    "validate",
    example=("rota validate --fleet my-fleet", "rota validate --json"),
    json="{ok, fleet, agents: [name], pipelines: [name], teams: [name], errors: [problem], "
    "warnings: [problem], notes: [problem]}, problem = {source, line, key, message}",
)
@fleet_option
def validate_command(fleet: Path, as_json: bool) -> None:
    """Check a fleet's files without a server.

    Reads fleet.yaml, agents, pipelines, teams and all they name, imports tools.py, and
    looks for schedules that do harm or never fire, for names nobody declares, for circles and
    for templates that name what cannot be there. Ends with 2 if anything is wrong.
    """
    try:
        checked = check_fleet(fleet, now())
    except DeclarationErrors as group:
        if not as_json:
            raise
        print_json(_document(None, group))
        count = len(group.errors)
        raise CommandError(
            f"{count} problem{'s'[: count != 1]} in {fleet}", ExitCode.WRONG
        ) from None
    if as_json:
        print_json(_document(checked, None))
        return
    show_warnings(checked)
    for note in checked.notes:
        remark(f"note: {note.source}:{note.line}: {note.key}: {note.message}")
    names = f"agents: {', '.join(checked.fleet.agents) or 'none'}"
    if checked.fleet.pipelines:
        names += f"; pipelines: {', '.join(checked.fleet.pipelines)}"
    if checked.fleet.teams:
        names += f"; teams: {', '.join(checked.fleet.teams)}"
    click.echo(f"fleet {checked.fleet.name} is valid; {names}")


@command(
    "schema",
    example=("rota schema > agent.schema.json", "rota schema --fleet-file > fleet.schema.json"),
)
@click.option("--fleet-file", is_flag=True, help="Of fleet.yaml instead.")
def schema_command(fleet_file: bool) -> None:
    """Print the JSON Schema of agent, pipeline and team files, for editors.

    With the YAML extension of an editor, put this into the first line of a file:
    # yaml-language-server: $schema=../agent.schema.json
    """
    print_json(fleet_file_schema() if fleet_file else fleet_json_schema())


def show_warnings(checked: CheckedFleet) -> None:
    """Print each warning to standard error."""
    for finding in checked.warnings:
        remark(f"warning: {finding.source}:{finding.line}: {finding.key}: {finding.message}")


def _document(checked: CheckedFleet | None, wrong: DeclarationErrors | None) -> dict[str, Any]:
    fleet = checked.fleet if checked else None
    return {
        "ok": wrong is None,
        "fleet": fleet.name if fleet else None,
        "agents": list(fleet.agents) if fleet else [],
        "pipelines": list(fleet.pipelines) if fleet else [],
        "teams": list(fleet.teams) if fleet else [],
        "errors": _problems(wrong.errors if wrong else ()),
        "warnings": _problems(checked.warnings if checked else ()),
        "notes": _problems(checked.notes if checked else ()),
    }


def _problems(found: Any) -> list[dict[str, Any]]:
    return [{"source": p.source, "line": p.line, "key": p.key, "message": p.message} for p in found]
