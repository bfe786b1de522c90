"""The tools of the report pipeline: figures, a finished report, a mail, an alarm.

The models choose words. Figures, recipients and files come from the run's input and the
books; no argument can change them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from morning_books import BooksError, business_day_before, read_day, statement_day
from morning_mail import MailRefusedError, hand_over, message, message_id_of
from morning_outbox import Outbox
from morning_text import Figures, seal
from morning_text import render as render_report
from pydantic import Field

from rota.tools import ToolContext, ToolError, tool


@tool(name="report.figures")
def figures(ctx: ToolContext) -> dict[str, Any]:
    """Give each account's figures of the last business day, and a headline with the totals.

    `difference` is what the bank booked beyond the ledger that day; payments under way are
    part of it. A `warning` belongs into the report.
    """
    return _figures(ctx).document()


@tool(name="report.render")
def render(
    ctx: ToolContext,
    summary: Annotated[str, Field(min_length=1, max_length=1000)],
) -> dict[str, str]:
    """Make the finished report of the day's figures, led by your `summary`.

    Returns day, subject, text, HTML and a seal over them: hand it on as it is, because a
    report that does not fit its seal is not sent.
    """
    return render_report(_figures(ctx), summary)


@tool(name="mail.send", effect="write", timeout="1m")
def send(ctx: ToolContext) -> dict[str, Any]:
    """Send the report of your input to its recipients, once.

    Returns message id, recipients and server. If the server refuses, nothing went out and
    its words come back. `sent_before` is true if an earlier run has sent this mail.
    """
    # `write`, not `idempotent`: SMTP has no key, so after a lost connection nobody but the
    # recipient knows. Rota then never calls again by itself, and the run fails saying that the
    # outcome is unknown. The outbox does the rest across runs: one started for the same slot
    # sends what was refused, does not send what was sent, and asks where nobody knows.
    report = _sealed(ctx.input.get("report"))
    sender, recipients = _addresses(ctx)
    address = _server(ctx)
    host, _, port = address.rpartition(":")
    message_id = message_id_of(ctx.idempotency_key, sender)
    try:
        mail = message(report, sender=sender, recipients=recipients, message_id=message_id)
    except ValueError as error:
        raise ToolError(f"not a mail: {error}") from error
    outbox = Outbox(ctx.fleet / str(ctx.input.get("outbox", "state/outbox.sqlite")))
    answer = {"message_id": message_id, "recipients": recipients, "server": address}
    if not outbox.take(ctx.idempotency_key, message_id):
        return {**answer, "sent_before": True}
    try:
        hand_over(mail, host=host, port=int(port))
    except MailRefusedError as error:
        outbox.give_back(ctx.idempotency_key)
        raise ToolError(str(error)) from error
    outbox.sent(ctx.idempotency_key)
    return {**answer, "sent_before": False}


@tool(name="alarm.ring", effect="idempotent")
def ring(ctx: ToolContext) -> dict[str, str]:
    """Leave word for the people on duty that the report did not go out, and why."""
    lines = [f"Morning report of {ctx.slot or 'no slot'}, run {ctx.run_id}"]
    lines += [f"{node}: {ctx.input.get(node, 'unknown')}" for node in ("report", "email")]
    path = ctx.fleet / str(ctx.input.get("alarms", "state/alarms")) / f"{ctx.idempotency_key}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name per key and always the same text: twice is once.
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ctx.log.error("%s", "; ".join(lines))
    return {"alarm": path.name}


def _figures(ctx: ToolContext) -> Figures:
    statements = ctx.fleet / str(ctx.input.get("statements", "statements"))
    ledger = ctx.fleet / str(ctx.input.get("ledger", "ledger.csv"))
    today = _today(ctx)
    try:
        day = statement_day(statements, today)
        accounts = read_day(statements, ledger, day)
    except (BooksError, FileNotFoundError) as error:
        raise ToolError(str(error)) from error
    return Figures(day, business_day_before(today) if today else None, accounts)


def _today(ctx: ToolContext) -> date | None:
    """The morning the report is for; None if the run has no slot, and so names no morning."""
    if ctx.slot is None:
        return None
    return ctx.slot.astimezone(ZoneInfo(str(ctx.input.get("timezone", "UTC")))).date()


def _sealed(report: Any) -> Mapping[str, Any]:
    if not isinstance(report, Mapping) or seal(report) != report.get("seal"):
        raise ToolError(
            "the input 'report' is not one that report.render made, or it was changed since: have "
            "the report made again"
        )
    return report


def _addresses(ctx: ToolContext) -> tuple[str, list[str]]:
    sender, recipients = ctx.input.get("sender"), ctx.input.get("recipients")
    if not sender or not isinstance(recipients, list | tuple) or not recipients:
        raise ToolError("set the inputs 'sender' and 'recipients' (a list of addresses)")
    return str(sender), [str(recipient) for recipient in recipients]


def _server(ctx: ToolContext) -> str:
    address = str(ctx.input.get("smtp", "localhost:8025"))
    try:
        address = ctx.secrets(address) if address.startswith("env:") else address
    except LookupError as error:
        raise ToolError(f"smtp: {error}") from error
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ToolError("smtp: write host:port, for example localhost:8025")
    return address
