"""`rota baseline`: the last accepted result of a session, and the one that waits to be judged.

A judgement names the result by its digest; the keeper refuses it if a newer one has come
meanwhile. So nobody accepts what nobody has looked at.
"""

from dataclasses import dataclass
from typing import Any, Literal

import click
from rich.text import Text
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from activities.documents import get_json
from rota.checks.baseline import BaselineRequest, BaselineState, Judgement, SessionResult
from rota.checks.json_changes import JsonChange, json_changes
from rota.ids import keeper_id
from schedules.apply_errors import NoWorkerError
from workers.cli.baseline_view import judged_line, print_changes, remark_standing
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, table
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.cli.sessions import named_session, session_option
from workers.cli.standing import ANSWER
from workers.settings import Settings

_RESULT = "{digest, run, slot, stands_for}"
_SHAPE = "{agent, session, mode, accepted, candidate, rejected}"

run_option = click.option(
    "--run", "run_id", metavar="RUN", help="Only if the result is this run's."
)


@dataclass(frozen=True)
class _Known:
    agent: str
    session: str
    mode: str | None
    baseline: BaselineState

    @property
    def document(self) -> dict[str, Any]:
        shown = self.baseline.model_dump(mode="json", include={"accepted", "candidate", "rejected"})
        return {"agent": self.agent, "session": self.session, "mode": self.mode, **shown}


@click.group("baseline")
def baseline_command() -> None:
    """Show, accept and reject the result that an agent's runs compare with.

    Example: rota baseline show night-check
    """


@command(
    "show",
    example="rota baseline show night-check --session berlin",
    json=f"{_SHAPE[:-1]}, document}}; each result is {_RESULT} and what was said of it",
)
@server_options
@click.argument("agent")
@session_option
def show_command(settings: Settings, agent: str, session: str | None, as_json: bool) -> None:
    """Show the accepted result, and what waits to be judged."""

    async def read(link: Link) -> tuple[_Known, Any]:
        found = await _known(link, agent, session)
        return found, await _read(link, found.baseline.accepted)

    found, document = with_server(settings, read)
    if as_json:
        print_json({**found.document, "document": document})
        return
    remark_standing(agent, found.session, found.baseline)
    print_json(document)


@command(
    "diff",
    example="rota baseline diff night-check",
    json="{agent, session, baseline, candidate, changes: [{path, change, before, after}]}",
)
@server_options
@click.argument("agent")
@session_option
def diff_command(settings: Settings, agent: str, session: str | None, as_json: bool) -> None:
    """Compare the candidate with the baseline.

    Lists are compared as collections: an entry is there, or it is not.
    """

    async def read(link: Link) -> tuple[BaselineState, dict[str, Any], list[JsonChange]]:
        found = await _known(link, agent, session)
        candidate = _wanted(found, "candidate", None)
        accepted = found.baseline.accepted
        changes = json_changes(await _read(link, accepted), await _read(link, candidate))
        names = {
            "agent": agent,
            "session": found.session,
            "baseline": accepted.digest if accepted else None,
            "candidate": candidate.digest,
        }
        return found.baseline, names, changes

    baseline, names, changes = with_server(settings, read)
    if as_json:
        print_json({**names, "changes": [each.model_dump(mode="json") for each in changes]})
        return
    remark_standing(agent, str(names["session"]), baseline)
    print_changes(changes)


@command(
    "accept",
    example='rota baseline accept night-check --note "new feed since Monday"',
    json=_SHAPE,
)
@server_options
@click.argument("agent")
@session_option
@run_option
@by_option("Who says so.")
@click.option("--note", default="", help="Why; on record.")
def accept_command(
    settings: Settings,
    agent: str,
    session: str | None,
    run_id: str | None,
    by: str | None,
    note: str,
    as_json: bool,
) -> None:
    """Make the candidate the baseline, for all later runs of the session."""
    name = deciding(by)

    async def act(link: Link) -> _Known:
        found = await _known(link, agent, session)
        candidate = _wanted(found, "candidate", run_id)
        return await _judge(link, found, "accept_baseline", candidate, name, note)

    _tell(with_server(settings, act), as_json)


@command(
    "reject",
    example='rota baseline reject night-check --reason "counts public holidays as gaps"',
    json=_SHAPE,
)
@server_options
@click.argument("agent")
@session_option
@run_option
@by_option("Who says so.")
@click.option("--reason", required=True, help="What is wrong with it; the agent is told.")
@click.option("--baseline", "accepted", is_flag=True, help="Take back what was accepted.")
def reject_command(
    settings: Settings,
    agent: str,
    session: str | None,
    run_id: str | None,
    by: str | None,
    reason: str,
    accepted: bool,
    as_json: bool,
) -> None:
    """Drop the candidate; or take back the baseline, which falls to the one before it.

    The reason is told to the agent's runs until a result is accepted.
    """
    name = deciding(by)

    async def act(link: Link) -> _Known:
        found = await _known(link, agent, session)
        wanted = _wanted(found, "accepted" if accepted else "candidate", run_id)
        return await _judge(link, found, "reject_baseline", wanted, name, reason)

    _tell(with_server(settings, act), as_json)


@command(
    "history",
    example="rota baseline history night-check",
    json=f"[{_RESULT[:-1]}, word, at, by, note}}], newest first",
)
@server_options
@click.argument("agent")
@session_option
def history_command(settings: Settings, agent: str, session: str | None, as_json: bool) -> None:
    """List what was accepted and rejected, newest first."""

    async def read(link: Link) -> _Known:
        return await _known(link, agent, session)

    found = with_server(settings, read)
    judged = found.baseline.history[::-1]
    if as_json:
        print_json([each.model_dump(mode="json") for each in judged])
        return
    if not judged:
        remark(f"{agent}: nothing was accepted or rejected yet in session '{found.session}'")
        return
    made = table("AT", "WORD", "BY", "RUN", "RESULT", "NOTE")
    for each in judged:
        row = (format_time(each.at), each.word, each.by, each.run.id, each.digest[:12], each.note)
        made.add_row(*map(Text, row))
    print_table(made)


for _command in (show_command, diff_command, accept_command, reject_command, history_command):
    baseline_command.add_command(_command)


async def _known(link: Link, agent: str, session: str | None) -> _Known:
    """What the keeper knows; the keeper needs a worker."""
    found = await named_session(link, agent, session)
    spec = found.keeper.spec
    mode, kept = spec.baseline if spec else None, found.state.baseline
    if mode is None and kept == BaselineState():
        raise CommandError(
            f"{agent} keeps no baseline: declare 'session: {{baseline: manual}}' (or auto), then "
            "'rota apply'",
            ExitCode.WRONG,
        )
    return _Known(agent, found.key, mode, kept)


def _wanted(
    found: _Known, which: Literal["accepted", "candidate"], run_id: str | None
) -> SessionResult:
    """The result that is meant, if it is there and of the run that is named."""
    result: SessionResult | None = getattr(found.baseline, which)
    words = "candidate" if which == "candidate" else "baseline"
    if result is None:
        also = "; 'reject --baseline' takes the baseline back" if found.baseline.accepted else ""
        raise CommandError(
            f"session '{found.session}' of {found.agent} has no {words}: 'rota baseline show "
            f"{found.agent}' tells what there is{also}",
            ExitCode.NOT_FOUND,
        )
    if run_id is not None and result.run.id != run_id:
        raise CommandError(
            f"the {words} is the result of {result.run.id}, not of {run_id}: look at it with "
            f"'rota baseline diff {found.agent}', then name that run"
        )
    return result


async def _judge(
    link: Link, found: _Known, update: str, result: SessionResult, by: str, note: str
) -> _Known:
    handle = link.client.get_workflow_handle(keeper_id(found.agent))
    request = BaselineRequest(session=found.session, digest=result.digest, by=by, note=note)
    try:
        kept = await handle.execute_update(
            update, request, result_type=BaselineState, rpc_timeout=ANSWER
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(link.settings.task_queue) from None
    return _Known(found.agent, found.session, found.mode, kept)


async def _read(link: Link, result: Judgement | SessionResult | None) -> Any:
    return None if result is None else await get_json(link.store, result.digest)


def _tell(found: _Known, as_json: bool) -> None:
    if as_json:
        print_json(found.document)
        return
    accepted, rejected = found.baseline.accepted, found.baseline.rejected
    if rejected is not None:
        click.echo(f"{found.agent}: session '{found.session}', {judged_line(rejected)}")
    line = judged_line(accepted) if accepted else "no result; nothing is accepted"
    click.echo(f"{found.agent}: session '{found.session}' has as its baseline {line}")
