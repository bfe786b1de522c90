"""`rota audit erase`: destroy what a run was told and said, and keep that it ran."""

import click

from activities.audit.archive_store import (
    ArchiveErasedError,
    NotClosedError,
    all_archives,
    get_archive,
    put_archive,
    unstored,
)
from activities.audit.closed_runs import last_execution
from activities.audit.collect import RunUnknownError, collect_run
from activities.audit.erasing import Eraser, HeldError, UndecidedError
from activities.audit.roots import server_roots
from rota.audit.archived import ArchivedRun, Erasure
from rota.audit.content_key import Destruction
from schedules.fleet import load_fleet_file
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.named_run import RUN_KEY, RUN_KEY_HELP, run_named
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.settings import Settings

LEFT = (
    "Temporal's history of the run, until the namespace's retention is over",
    "what providers and tools keep on their side",
    "bundles and reports that were written, backups and old versions of the store",
    "copies in the memory of workers, until they restart",
    "its line in the ledger: times, status, costs, reason, session, digest of its result",
    "runs that were forked from it: runs of their own, to be erased like any other",
)
"""What no erasure here reaches."""


@command(
    "erase",
    example=(
        "rota audit erase report-2026-11-22T06:00:00Z --dry-run --reason 'request 77'",
        "rota audit erase report-2026-11-22T06:00:00Z --reason 'request 77' --by dpo",
    ),
    json="{run, agent, destruction, head, objects, refs, kept, dry_run, left}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.option(RUN_KEY, help=RUN_KEY_HELP)
@click.option("--reason", required=True, help="Why.")
@by_option("Who decides.")
@click.option("--dry-run", is_flag=True, help="Destroy nothing; say what would be destroyed.")
def erase_command(
    settings: Settings,
    run_id: str,
    run_key: str | None,
    reason: str,
    by: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Destroy the content of a run for good. Its chain stays, and verifies.

    Takes the key of its content, its archive's content, the record of its steps, and objects that
    nothing else refers to. A run that is not archived is archived first, for its chain. Refused
    while a hold keeps it.
    """
    who = deciding(by)
    file = load_fleet_file(settings.fleet)

    async def work(link: Link) -> Erasure:
        ref = await run_named(link, run_id, run_key)
        run = await get_archive(link.store, ref.key)
        if run is None:
            last = await last_execution(link.client, ref)
            execution = last.run_id if last else ref.key
            record = await collect_run(link.client, link.store, run_id, file, execution)
            run = unstored(record) if dry_run else await put_archive(link.store, record)
        eraser = Eraser(link.store, lambda gone: server_roots(link.client, link.store, gone))
        archives: list[ArchivedRun] = await all_archives(link.store)
        # Only now: what was stored afterwards is not touched.
        destruction = Destruction(by=who, reason=reason, at=now())
        return await eraser.erase(run, archives, destruction, dry_run=dry_run)

    try:
        erasure = with_server(settings, work)
    except RunUnknownError as error:
        raise CommandError(
            f"no run '{run_id}' on the server or in the archive", ExitCode.NOT_FOUND
        ) from error
    except NotClosedError as error:
        raise CommandError(f"{error}: 'rota cancel' ends it") from error
    except HeldError as error:
        raise CommandError(f"{error}; 'rota audit release' takes that back") from error
    except (UndecidedError, ArchiveErasedError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json({**erasure.model_dump(mode="json"), "dry_run": dry_run, "left": list(LEFT)})
    else:
        _tell(erasure, dry_run=dry_run)


def _tell(erasure: Erasure, *, dry_run: bool) -> None:
    verb = "would be destroyed" if dry_run else "destroyed"
    gone = erasure.destruction
    click.echo(
        f"{erasure.run.id}: {verb}: key and archived content, {erasure.refs} records of its steps, "
        f"{erasure.objects} objects; by {gone.by}: {gone.reason}"
    )
    if erasure.kept:
        remark(
            f"{erasure.kept} objects stay because others refer to them: its declaration, "
            "memory that later runs go on from, receipts of effects, what its keeper still has; "
            "'rota gc' takes those that nothing refers to any more"
        )
    remark("not within reach:")
    for each in LEFT:
        remark(f"  {each}")
