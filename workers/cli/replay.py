"""`rota replay`: recorded histories with today's code, before a deployment does it for good."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import click
from temporalio.client import WorkflowHistory

from activities.encryption.encryption import Encryption
from activities.stores.base import ObjectStore
from rota.agent_spec import AgentSpec
from rota.what_if.replay import Replayed
from schedules.fleet import AGENTS_FOLDER, load_fleet
from workers.audit.archived import DamagedArchiveError
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, now, print_json, remark
from workers.cli.replay_view import print_replays, summary_of
from workers.cli.server import Link, with_server
from workers.cli.since import since_option
from workers.connection import quiet_core
from workers.encryption import encryption_of, store_of
from workers.replaying.prompts import compare_prompts
from workers.replaying.replaying import HistoryReplayer, with_drift
from workers.replaying.sources import (
    HistoryFileError,
    executions_of,
    files_in,
    histories_of,
    history_in,
)
from workers.settings import Settings


@dataclass
class _Replays:
    """What was replayed so far: kept when Ctrl-C ends the rest."""

    declared: Mapping[str, AgentSpec]
    """What the fleet's files declare now."""
    done: list[Replayed] = field(default_factory=list[Replayed])
    total: int = 0
    left_out: int = 0
    """Executions that have ended, beyond --limit."""


@command(
    "replay",
    example=(
        "rota replay --since 7d",
        "rota replay --agent report --json",
        "rota replay history.json histories/",
    ),
    json="{histories, same, drift, nondeterministic, error, left_out, replays: [{workflow_id, "
    "run_id, workflow_type, events, verdict, place: {event, recorded, wanted, said} or null, "
    "reason, drift: [{where, event, path, change, before, after}], note}]}",
)
@server_options
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...", type=click.Path(path_type=Path))
@since_option("Executions started since then, and all that still run. Default: 1d.")
@click.option("--agent", help="Runs of this agent, and its keeper, alone.")
@click.option("--run", "run_id", metavar="RUN", help="This run alone, all its executions.")
@click.option(
    "--limit",
    default=1000,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Of those that have ended the newest so many; all that still run are replayed.",
)
@click.option("--full", is_flag=True, help="Show every drift of every history, nothing cut short.")
@click.option("--fail-on-drift", is_flag=True, help="End with 1 for drift, too.")
def replay_command(
    settings: Settings,
    files: tuple[Path, ...],
    since: datetime | None,
    agent: str | None,
    run_id: str | None,
    limit: int,
    full: bool,
    fail_on_drift: bool,
    as_json: bool,
) -> None:
    """Replay recorded histories with the code installed here, and say what has changed.

    Nothing is run and nothing is called: no model, no tool, no worker. A history that today's
    code leaves is told with its place and ends the command with 1, for open runs like it would
    get stuck. What the code would say otherwise (arguments, timeouts, prompts, declarations) is
    listed as drift. Files need no server; declarations are compared with those of --fleet.
    """
    if files and (agent or run_id or since):
        raise click.UsageError("name files, or --since, --agent or --run, not both")
    # What a replay warns of is told below, with its place.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    replays = _Replays(_declared(settings.fleet))
    interrupted = False
    try:
        if files:
            quiet_core()
            asyncio.run(_of_files(replays, files, settings))
        else:
            begin = since or now() - timedelta(days=1)
            with_server(
                settings, lambda link: _of_server(replays, link, agent, run_id, begin, limit)
            )
    except HistoryFileError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    except DamagedArchiveError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        interrupted = True
    _tell(replays, full=full, as_json=as_json)
    if interrupted:
        done = f"{len(replays.done)} of {replays.total}"
        raise CommandError(f"stopped after {done} histories", ExitCode.INTERRUPTED)
    if not replays.done and run_id is not None:
        raise CommandError(f"no run '{run_id}': 'rota runs' lists them", ExitCode.NOT_FOUND)
    if any(each.verdict.bad or (fail_on_drift and each.drift) for each in replays.done):
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _of_server(
    replays: _Replays,
    link: Link,
    agent: str | None,
    run_id: str | None,
    since: datetime,
    limit: int,
) -> None:
    executions = await executions_of(link.client, link.store, agent, run_id, since, limit)
    replays.total, replays.left_out = executions.total, executions.left_out
    histories = histories_of(link.client, executions)
    await _replay(replays, histories, link.store, encryption_of(link.settings))


async def _of_files(replays: _Replays, files: Sequence[Path], settings: Settings) -> None:
    paths = files_in(files)
    replays.total = len(paths)

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for path in paths:
            yield await asyncio.to_thread(history_in, path)

    await _replay(replays, histories(), store_of(settings), encryption_of(settings))


async def _replay(
    replays: _Replays,
    histories: AsyncIterator[WorkflowHistory],
    store: ObjectStore,
    encryption: Encryption | None,
) -> None:
    replayer = HistoryReplayer(store, encryption)
    with console(err=True).status("replaying") as status:
        async for history in histories:
            status.update(f"replaying {len(replays.done) + 1} of {replays.total}")
            replayed, recorded = await replayer.replay(history)
            prompts = await compare_prompts(store, recorded, replays.declared)
            replayed = with_drift(replayed, prompts.drift)
            if prompts.note and not replayed.note:
                replayed = replayed.model_copy(update={"note": prompts.note})
            replays.done.append(replayed)


def _declared(folder: Path) -> dict[str, AgentSpec]:
    """The agents of the fleet in `folder`; none if there is no fleet.

    Raises:
        DeclarationErrors: its files have errors.
    """
    if not (folder / AGENTS_FOLDER).is_dir():
        return {}
    return {name: agent.spec for name, agent in load_fleet(folder).agents.items()}


def _tell(replays: _Replays, *, full: bool, as_json: bool) -> None:
    done = replays.done
    if as_json:
        listed = [each.model_dump(mode="json") for each in done]
        print_json({**summary_of(done), "left_out": replays.left_out, "replays": listed})
    elif done:
        print_replays(done, full=full)
    else:
        remark("no histories")
    if replays.left_out:
        more = f"{replays.left_out} older ones that have ended were left out"
        remark(f"{more}: --limit or --since takes more or fewer of them")
