"""`rota approve`, `rota deny`: a person's decision on a call that waits for one."""

from typing import Any

import click

from rota.approvals.requests import ApprovalDecision, Verdict
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import print_json, remark
from workers.cli.pending_approvals import PendingCall, named, pending_of
from workers.cli.person import by_option, deciding
from workers.cli.run_input import read_document
from workers.cli.server import Link, with_server
from workers.settings import Settings

_DIGEST = click.option(
    "--digest", help="Decide only on the request with this digest, or its first 12 digits."
)


@command(
    "approve",
    example=(
        "rota approve reconciliation-2026-11-22T06:00:00Z a1",
        'rota approve reconciliation-2026-11-22T06:00:00Z a2 --note "checked with the bank"',
        "rota approve reconciliation-2026-11-22T06:00:00Z a2 --edit '{\"amount\": 900}'",
    ),
    json="{run, call, tool, arguments, digest, told}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.argument("call", required=False)
@click.option(
    "--edit", metavar="JSON|@FILE", help="All arguments of the call, as it is to be made instead."
)
@click.option("--note", default="", help="Why; on record.")
@by_option("Who decides.")
@_DIGEST
def approve_command(
    settings: Settings,
    run_id: str,
    call: str | None,
    edit: str | None,
    note: str,
    by: str | None,
    digest: str | None,
    as_json: bool,
) -> None:
    """Allow a call that waits for it, as it is or changed.

    Without CALL and --digest it only shows what waits. What is allowed is this exact request:
    whatever of it changes afterwards, the call is not made.
    """
    fields: dict[str, Any] = {"verdict": Verdict.APPROVE}
    if edit is not None:
        fields = {"verdict": Verdict.EDIT, "arguments": read_document(edit, "--edit")}
    said = {**fields, "note": note, "by": deciding(by)}
    _decide(settings, run_id, call, digest, said, as_json)


@command(
    "deny",
    example='rota deny reconciliation-2026-11-22T06:00:00Z a1 --note "wrong account"',
    json="{run, call, tool, arguments, digest, told}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.argument("call", required=False)
@click.option("--note", default="", help="Why; the model reads it.")
@by_option("Who decides.")
@_DIGEST
def deny_command(
    settings: Settings,
    run_id: str,
    call: str | None,
    note: str,
    by: str | None,
    digest: str | None,
    as_json: bool,
) -> None:
    """Forbid a call that waits for a decision.

    The run goes on, and its model reads the note. CALL may be left out if only one waits.
    """
    said = {"verdict": Verdict.DENY, "note": note, "by": deciding(by)}
    _decide(settings, run_id, call, digest, said, as_json)


def _decide(
    settings: Settings,
    run_id: str,
    call: str | None,
    digest: str | None,
    said: dict[str, Any],
    as_json: bool,
) -> None:
    async def act(link: Link) -> tuple[PendingCall, str]:
        pending = named(await pending_of(link, run_id), call, digest)
        id = pending.approval.id
        if said["verdict"] is not Verdict.DENY and call is None and digest is None:
            # What waits now may be another call than the one that somebody has looked at.
            message = f"{pending.request} waits; to allow this, write its name: {id}"
            raise CommandError(message, ExitCode.WRONG)
        decision = ApprovalDecision(call=id, digest=pending.approval.request.digest, **said)
        handle = link.client.get_workflow_handle(run_id)
        return pending, await handle.execute_update("decide", decision, result_type=str)

    pending, told = with_server(settings, act)
    if as_json:
        keys = ("run", "call", "tool", "arguments", "digest")
        print_json({**{key: pending.document[key] for key in keys}, "told": told})
    else:
        remark(f"{run_id}: {pending.request}: {told}")
