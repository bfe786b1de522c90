"""`rota approvals`: the calls that wait for a person, with exactly what they would do."""

import click
from rich.text import Text

from rota.approval_spec import Undecided
from rota.approvals import SHORTEST_DIGEST
from rota.notification_text import one_line
from workers.cli.options import command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, table
from workers.cli.pending_approvals import PendingCall, all_pending
from workers.cli.roll_call import SILENT
from workers.cli.server import with_server
from workers.settings import Settings

_THEN = {
    Undecided.DENY: "then denied",
    Undecided.PARK: "then parked",
    Undecided.FAIL: "then the run fails",
    Undecided.APPROVE_IF_READ_ONLY: "then made if it only reads",
}


@command(
    "approvals",
    example=("rota approvals", "rota approvals reconciliation --json"),
    json="[{run, agent, call, tool, arguments, digest, key, rule, requester, since, until, "
    "escalates, escalated, parked_until}]",
)
@server_options
@click.argument("agent", required=False)
def approvals_command(settings: Settings, agent: str | None, as_json: bool) -> None:
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
