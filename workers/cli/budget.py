"""`rota budget`: what agents and teams have spent of what they may, and how to give more."""

from uuid import uuid4

import click
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from rota.budgets.limits import DIMENSIONS, Dimension, amount_of, cap_of
from rota.budgets.reservations import Account, BudgetRaise, Cap, WindowKind
from rota.ids import budget_id, keeper_id
from schedules.apply_errors import NoWorkerError
from workers.cli.accounts import account_of, agent_account, all_accounts
from workers.cli.any_run import describe_run, is_pipeline
from workers.cli.budget_view import AccountView, print_accounts, print_details
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.cli.standing import ANSWER
from workers.settings import Settings

MOST_USD = 1_000_000
_SHAPE = (
    "account = {kind, name, timezone, windows: [{window, key, spent_micros, spent_tokens, "
    "unknown_micros, unknown_tokens, raised_micros, raised_tokens, runs, unpriced_runs, raises}], "
    "limits: [{key, limit, counted, reserved, room, soft, until}], reserved: [{run, since, micros, "
    "tokens}], waiting: [run], note}; money in micro-dollars"
)

team_option = click.option("--team", help="A team instead of an agent.")


@click.group("budget")
def budget_command() -> None:
    """Show what agents and teams have spent, and give them more.

    Example: rota budget show
    """


@command(
    "show",
    example=("rota budget show", "rota budget show report", "rota budget show --team finance"),
    json=f"[account], of one the account alone; {_SHAPE}",
)
@server_options
@click.argument("agent", required=False)
@team_option
def show_command(settings: Settings, agent: str | None, team: str | None, as_json: bool) -> None:
    """Show what was spent today and this month, what is reserved, and who waits for room.

    Every agent has an account, with limits or without; a team has one if it is declared.
    """
    if agent is not None and team is not None:
        raise click.UsageError("give AGENT or --team, not both")
    if agent is None and team is None:
        views = with_server(settings, all_accounts)
        if as_json:
            print_json([view.document for view in views])
        elif not views:
            remark("no accounts: run 'rota apply' in a fleet")
        else:
            print_accounts(views)
        return
    view = with_server(settings, lambda link: account_of(link, agent, team))
    if as_json:
        print_json(view.document)
    else:
        print_accounts([view])
        print_details(view)


@command(
    "raise",
    example=(
        "rota budget raise report --usd 5 --reason 'month end'",
        "rota budget raise --team finance --usd 20 --month --reason 'audit'",
        "rota budget raise report-2026-11-22T06:00:00Z --usd 1 --reason 'large feed'",
    ),
    json=f"of an agent or team the account, of a run {{run, told}}; {_SHAPE}",
)
@server_options
@click.argument("name", metavar="AGENT|RUN", required=False)
@team_option
@click.option("--usd", type=click.FloatRange(0, MOST_USD), default=0.0, help="Dollars more.")
@click.option("--tokens", type=click.IntRange(0), default=0, help="Tokens more.")
@click.option("--steps", type=click.IntRange(0), default=0, help="Steps more; of a run alone.")
@click.option("--day", "window", flag_value="day", help="Of today's limit.")
@click.option("--month", "window", flag_value="month", help="Of this month's limit.")
@click.option("--reason", required=True, help="Why; kept with the raise.")
@by_option("Who gives it.")
def raise_command(
    settings: Settings,
    name: str | None,
    team: str | None,
    usd: float,
    tokens: int,
    steps: int,
    window: str | None,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Give an agent, a team or one run more, for once; parked runs go on at once.

    Of an agent or a team it is for the day or the month alone, and over with it. To raise a
    limit for good, change the file and apply it.
    """
    if (name is None) == (team is None):
        raise click.UsageError("give AGENT, RUN or --team NAME")
    micros = round(usd * 1_000_000)
    if not (micros or tokens or steps):
        raise click.UsageError("say how much: --usd, --tokens or --steps")
    given = BudgetRaise(
        id=uuid4().hex,
        window=WindowKind(window) if window else None,
        micros=micros,
        tokens=tokens,
        steps=steps,
        by=deciding(by),
        reason=reason,
    )

    async def act(link: Link) -> AccountView | str:
        if name is not None and await agent_account(link, name) is None:
            return await _raise_run(link, name, given)
        return await _raise_account(link, await account_of(link, name, team), given)

    told = with_server(settings, act)
    if isinstance(told, str):
        print_json({"run": name, "told": told}) if as_json else click.echo(f"{name}: {told}")
    elif as_json:
        print_json(told.document)
    else:
        print_accounts([told])
        print_details(told)


for _command in (show_command, raise_command):
    budget_command.add_command(_command)


async def _raise_account(link: Link, view: AccountView, given: BudgetRaise) -> AccountView:
    """Raise a limit of the day or the month."""
    if given.steps:
        raise CommandError("days and months count no steps: give --usd or --tokens", ExitCode.WRONG)
    chosen = given.model_copy(update={"window": given.window or _only_window(view, given)})
    id = budget_id(view.name) if view.kind == "team" else keeper_id(view.name)
    try:
        account = await link.client.get_workflow_handle(id).execute_update(
            "raise_budget", chosen, result_type=Account, rpc_timeout=ANSWER
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(link.settings.task_queue) from None
    return AccountView(view.kind, view.name, account, now())


def _only_window(view: AccountView, given: BudgetRaise) -> WindowKind:
    """The window whose limit is meant, if there is no other."""
    caps = view.account.caps if view.account else {}
    wanted: list[Dimension] = [each for each in DIMENSIONS if amount_of(given, each)]
    fitting = [kind for kind, cap in caps.items() if _limits_all(cap, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise CommandError(
            f"{view.kind} {view.name} has a limit of the day and one of the month: give --day or "
            "--month",
            ExitCode.WRONG,
        )
    raise CommandError(
        f"{view.kind} {view.name} has no such limit of a day or a month: 'rota budget show' lists "
        "those there are; a limit of one run is raised with the run's id",
        ExitCode.WRONG,
    )


def _limits_all(cap: Cap, dimensions: list[Dimension]) -> bool:
    return all(cap_of(cap, each) is not None for each in dimensions)


async def _raise_run(link: Link, run_id: str, given: BudgetRaise) -> str:
    """Give one run more; returns what it says."""
    found = await describe_run(link.client, run_id)
    if given.steps and is_pipeline(found):
        raise CommandError(
            f"{run_id} is a pipeline's run, which counts no steps: give --usd or --tokens",
            ExitCode.WRONG,
        )
    if given.window is not None:
        raise CommandError(f"{run_id} is a run: leave out --{given.window.value}", ExitCode.WRONG)
    try:
        return await link.client.get_workflow_handle(run_id).execute_update(
            "raise_budget", given, result_type=str, rpc_timeout=ANSWER
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(link.settings.task_queue) from None
