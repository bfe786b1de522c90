"""`rota approvals`: the calls that wait for a person, with exactly what they would do."""

import click
from rich.text import Text

from activities.notify.approval_links import approval_links
from activities.secrets import Secrets
from rota.approvals.links import MOST_NAME, ApprovalLink, AskedApproval, why_not_by
from rota.approvals.requests import SHORTEST_DIGEST
from rota.approvals.spec import Undecided
from rota.notices.text import one_line
from schedules.fleet import load_fleet_file
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import ListsByDefault, command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, table
from workers.cli.pending_approvals import PendingCall, all_pending, named, pending_of
from workers.cli.roll_call import SILENT
from workers.cli.server import Link, with_server
from workers.settings import Settings

_THEN = {
    Undecided.DENY: "then denied",
    Undecided.PARK: "then parked",
    Undecided.FAIL: "then the run fails",
    Undecided.APPROVE_IF_READ_ONLY: "then made if it only reads",
}


@click.group("approvals", cls=ListsByDefault)
def approvals_command() -> None:
    """List the tool calls that wait for a person's decision.

    Example: rota approvals
    """


@command(
    "list",
    example=("rota approvals", "rota approvals reconciliation --json"),
    json="[{run, agent, call, tool, arguments, digest, key, rule, requester, since, until, "
    "escalates, escalated, parked_until}]",
)
@server_options
@click.argument("agent", required=False)
def list_command(settings: Settings, agent: str | None, as_json: bool) -> None:
    """List the tool calls that wait for a person's decision.

    Of all agents, oldest first, with the exact arguments, who asked for the run, and what follows
    if nobody decides. 'rota approve RUN CALL' and 'rota deny RUN CALL' decide.
    """
    pending, silent = with_server(settings, lambda link: all_pending(link, agent))
    if silent:
        remark(f"not listed are the calls of {', '.join(silent)}: {SILENT}")
    if as_json:
        print_json([each.document for each in pending])
    elif pending:
        show_pending(pending)
    elif not silent:
        remark("nothing waits for a decision")


@command(
    "link",
    example=(
        "rota approvals link reconciliation-2026-11-22T06:00:00Z a1",
        "rota approvals link reconciliation-2026-11-22T06:00:00Z a1 --for kim",
    ),
    json="{run, call, tool, digest, for, until, link}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.argument("call", required=False)
@click.option("--for", "by", default="", help="Who decides with it. Default: whoever has it says.")
def link_command(settings: Settings, run_id: str, call: str | None, by: str, as_json: bool) -> None:
    """Make a link by which somebody decides on a call in a browser.

    Whoever has it may look at the request and decide: give it to nobody else. It counts until the
    request is decided or its time is over. Needs gateway.url and gateway.links in fleet.yaml, and
    the secret.
    """
    by = by.strip()
    if len(by) > MOST_NAME or not by.isprintable():
        text = f"--for: a name has at most {MOST_NAME} characters, in one line"
        raise CommandError(text, ExitCode.WRONG)
    file = load_fleet_file(settings.fleet)
    if file.gateway.links is None:
        raise CommandError(
            "the fleet has no links: declare gateway: {url: https://…, links: {secret: env:NAME}} "
            "in fleet.yaml",
            ExitCode.WRONG,
        )

    async def make(link: Link) -> tuple[PendingCall, str]:
        try:
            links = approval_links(file, link.client.namespace, Secrets("this environment"))
        except LookupError as error:
            text = f"gateway.links of fleet.yaml: {error}"
            raise CommandError(text, ExitCode.WRONG) from error
        assert links is not None  # they are declared
        pending = named(await pending_of(link, run_id), call, None)
        asked = AskedApproval.of(pending.approval)
        return pending, links.address(ApprovalLink.to(run_id, asked, by))

    pending, address = with_server(settings, make)
    if problem := why_not_by(by, pending.approval, named=bool(by)):
        remark(problem)
    document = {key: pending.document[key] for key in ("run", "call", "tool", "digest")}
    if as_json:
        until = pending.approval.last_call.isoformat()
        print_json({**document, "for": by, "until": until, "link": address})
        return
    remark(f"{pending.request}, until {format_time(pending.approval.last_call)}")
    click.echo(address)


approvals_command.add_command(list_command)
approvals_command.add_command(link_command)


def show_pending(pending: list[PendingCall]) -> None:
    """Print calls that wait: what, for whom, until when; and what exactly."""
    made = table("RUN\ncall", "TOOL\narguments", "ASKED FOR BY\ndigest", "UNTIL\nafterwards")
    for each in pending:
        approval, request = each.approval, each.approval.request
        by = one_line(approval.requester) or "-"
        made.add_row(
            Text(each.run_id).append(f"\n{approval.id}", "bold"),
            Text(request.tool).append(f"\n{each.shown_arguments}", "dim"),
            Text(by + (" (four eyes)" if request.rule.four_eyes else "")).append(
                f"\n{request.digest[:SHORTEST_DIGEST]}", "dim"
            ),
            Text(format_time(approval.last_call)).append(f"\n{_after(each)}", "dim"),
        )
    print_table(made)


def _after(pending: PendingCall) -> str:
    approval = pending.approval
    if approval.parked_until is not None:
        return "parked; then the run fails"
    escalated = "; escalated" if approval.escalated else ""
    return _THEN[approval.request.rule.otherwise] + escalated
