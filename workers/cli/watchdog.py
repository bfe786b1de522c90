"""`rota watchdog`: what is not as it should be, as the Watchdog's last check has found it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click
from rich.text import Text

from rota.ids import format_slot, watchdog_id
from rota.language.durations import format_duration
from rota.watchdog.alerts import Alert
from rota.watchdog.memory import WatchMemory
from rota.watchdog.telling import archive_line
from rota.watchdog.watchdog_spec import WatchdogSpec
from schedules.fleet import load_fleet_file
from schedules.watchdog_checks import Check, check_now, last_check
from schedules.watchdogs import live_watchdog
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, print_table, remark, table
from workers.cli.server import Link, with_server
from workers.settings import Settings

PATIENCE = timedelta(minutes=1)
"""For a check that was asked for: one of hundreds of agents takes some seconds."""


@dataclass(frozen=True)
class _Report:
    fleet: str
    check: Check | None
    every: timedelta
    paused: bool

    @property
    def memory(self) -> WatchMemory:
        """Of the check; an empty one before the first."""
        return self.check.memory if self.check else WatchMemory(fleet=self.fleet)

    @property
    def trouble(self) -> list[str]:
        """What keeps the Watchdog itself from watching."""
        found = [*self.memory.trouble]
        if self.paused:
            found.append("its schedule is paused: 'rota apply' resumes it")
        if self.check is None:
            found.append("no check has ended yet: is a worker there? see 'rota doctor'")
        elif self.check.is_old(self.every, now()):
            since = format_slot(self.check.began)
            found.append(f"no check has ended since {since}: see 'rota doctor'")
        return found


@command(
    "watchdog",
    example=("rota watchdog", "rota watchdog --now --json"),
    json="{fleet, checked, agents, runs, open: [{kind, agent, team, run, since, opened, count, "
    "reason, todo}], unheard: [agent], trouble: [text], archive: {lag_seconds, left, …} or null}",
)
@server_options
@click.option("--now", "at_once", is_flag=True, help="Let it check now, and wait for that.")
def watchdog_command(settings: Settings, at_once: bool, as_json: bool) -> None:
    """Show the Watchdog's open alerts: what, since when, what to do.

    Ends with 0 if there are none and the Watchdog is well, with 1 otherwise, with 4 if the
    fleet has no Watchdog.
    """
    file = load_fleet_file(settings.fleet)
    report = with_server(settings, lambda link: _read(link, file.name, file.watchdog, at_once))
    if as_json:
        print_json(_document(report))
    else:
        _print(report)
    if report.memory.open or report.trouble:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _read(link: Link, fleet: str, declared: WatchdogSpec | None, at_once: bool) -> _Report:
    """Read the newest check.

    Raises:
        CommandError: there is no Watchdog (exit code 4), or none has checked in time.
    """
    live = await live_watchdog(link.client, fleet)
    if live is None:
        cure = "'rota apply' starts it" if declared else "declare watchdog: {} in fleet.yaml"
        raise CommandError(f"fleet {fleet} has no Watchdog: {cure}", ExitCode.NOT_FOUND)
    check = None
    if at_once:
        check = await check_now(link.client, fleet, now() - timedelta(seconds=1), PATIENCE)
        if check is None:
            waited = format_duration(PATIENCE)
            raise CommandError(
                f"no check of {watchdog_id(fleet)} has ended within {waited}: is a worker there? "
                "see 'rota doctor'"
            )
    every = declared.every if declared else WatchdogSpec().every
    check = check or await last_check(link.client, fleet)
    return _Report(fleet, check, every, live.paused)


def _document(report: _Report) -> dict[str, Any]:
    memory = report.memory
    shown = {"kind", "agent", "team", "run", "since", "opened", "count", "reason", "todo"}
    empty = {"team": "", "run": ""}
    return {
        "fleet": report.fleet,
        "checked": format_slot(report.check.began) if report.check else None,
        "agents": memory.agents,
        "runs": memory.runs,
        "open": [{**empty, **a.model_dump(mode="json", include=shown)} for a in memory.open],
        "unheard": list(memory.unheard),
        "trouble": report.trouble,
        "archive": memory.archive.model_dump(mode="json") if memory.archive else None,
    }


def _print(report: _Report) -> None:
    memory = report.memory
    if memory.open:
        made = table("SINCE", "WHAT", "AGENT", "REASON", "TO DO")
        for alert in memory.open:
            made.add_row(*_row(alert))
        print_table(made)
    if report.check is not None:
        checked = format_slot(report.check.began)
        remark(
            f"checked {checked}: {memory.agents} agents, {memory.runs} runs at work, "
            f"{len(memory.open) or 'no'} open alerts"
        )
    if memory.archive is not None:
        remark(archive_line(memory))
    if memory.unheard:
        remark(f"not judged: {', '.join(memory.unheard)}")
    for line in report.trouble:
        remark(line)


def _row(alert: Alert) -> tuple[Text, ...]:
    reason = f"{alert.run}: {alert.reason}" if alert.run else alert.reason
    return (
        Text(format_slot(alert.since)),
        Text(alert.kind.value.replace("_", " "), "red"),
        Text(alert.agent or "-"),
        Text(reason),
        Text(alert.todo, "yellow"),
    )
