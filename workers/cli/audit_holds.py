"""`rota audit hold`, `release`, `holds`: what nobody may collect or erase."""

from datetime import UTC, datetime

import click

from activities.audit.holding import HoldUnknownError, all_holds, place_hold, release_hold
from rota.audit.retention import Hold, Release
from rota.language.durations import parse_duration
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.known_agent import require_known
from workers.cli.named_run import RUN_KEY, RUN_KEY_HELP, run_named
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, print_table, remark, table
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.settings import Settings

_HOLD = "{id, run, run_id, agent, by, reason, at, until, released}"


@command(
    "hold",
    example=(
        "rota audit hold report-2026-11-22T06:00:00Z --reason 'suit 12/26'",
        "rota audit hold --agent report --reason 'tax audit' --until 2028-01-01",
    ),
    json=_HOLD,
)
@server_options
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option(RUN_KEY, help=RUN_KEY_HELP)
@click.option("--agent", metavar="AGENT|PIPELINE", help="All its runs, those to come included.")
@click.option("--reason", required=True, help="Why.")
@click.option("--until", metavar="TIME|90d", help="Default: until it is released.")
@by_option("Who decides.")
def hold_command(
    settings: Settings,
    run_id: str | None,
    run_key: str | None,
    agent: str | None,
    reason: str,
    until: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Keep a run, or all runs of an agent, from being collected or erased."""
    if (run_id is None) is (agent is None) or (run_key and agent):
        raise CommandError("name a run, or say --agent", ExitCode.WRONG)
    who, at = deciding(by), now()
    end = _moment(until, at) if until is not None else None

    async def work(link: Link) -> Hold:
        if agent is not None:
            await require_known(link, agent)
        ref = await run_named(link, run_id, run_key) if run_id is not None else None
        return await place_hold(
            link.store,
            by=who,
            reason=reason,
            at=at,
            until=end,
            run=ref.key if ref else "",
            run_id=ref.id if ref else "",
            agent=agent or "",
        )

    hold = with_server(settings, work)
    if as_json:
        print_json(hold.model_dump(mode="json"))
    else:
        click.echo(f"hold {hold.id}: {_what(hold)} is kept {_until(hold)}")


@command("release", example="rota audit release 5f3a9c01de --reason 'suit settled'", json=_HOLD)
@server_options
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", required=True, help="Why.")
@by_option("Who decides.")
def release_command(
    settings: Settings, hold_id: str, reason: str, by: str | None, as_json: bool
) -> None:
    """Take a hold back; that there was one, and who released it, stays on record."""
    release = Release(by=deciding(by), reason=reason, at=now())

    async def work(link: Link) -> Hold:
        return await release_hold(link.store, hold_id, release)

    try:
        hold = with_server(settings, work)
    except HoldUnknownError as error:
        raise CommandError(
            f"{error}: 'rota audit holds' lists those there are", ExitCode.NOT_FOUND
        ) from error
    if as_json:
        print_json(hold.model_dump(mode="json"))
    else:
        click.echo(f"hold {hold.id}: {_what(hold)} is not held by it any more")


@command("holds", example="rota audit holds --all", json=f"[{_HOLD}]")
@server_options
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
def holds_command(settings: Settings, everything: bool, as_json: bool) -> None:
    """List what is held: by whom, since when and why."""

    async def work(link: Link) -> list[Hold]:
        return await all_holds(link.store)

    at = now()
    holds = [each for each in with_server(settings, work) if everything or each.in_force(at)]
    if as_json:
        print_json([hold.model_dump(mode="json") for hold in holds])
        return
    if not holds:
        remark("nothing is held")
        return
    made = table("hold", "what", "by", "since", "until", "reason")
    for each in holds:
        made.add_row(
            each.id, _what(each), each.by, f"{each.at:%Y-%m-%d}", _until(each), each.reason
        )
    print_table(made)


def _moment(text: str, at: datetime) -> datetime:
    try:
        given = datetime.fromisoformat(text)
        end = (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        try:
            end = at + parse_duration(text)
        except (ValueError, OverflowError) as error:
            raise CommandError(
                f"--until {text}: write a time, such as 2028-01-01, or a duration, such as 90d",
                ExitCode.WRONG,
            ) from error
    if end <= at:
        raise CommandError(f"--until {text} is over already", ExitCode.WRONG)
    return end


def _what(hold: Hold) -> str:
    return hold.run_id or f"every run of {hold.agent}"


def _until(hold: Hold) -> str:
    if hold.released is not None:
        return f"released by {hold.released.by}: {hold.released.reason}"
    return f"until {hold.until:%Y-%m-%d}" if hold.until else "until it is released"
