"""The accounts of agents and teams, asked of the workflows that keep them."""

from datetime import timedelta

from rota.ids import BUDGET_PREFIX, KEEPER_PREFIX, budget_id, keeper_id
from rota.keeper_state import KeeperState
from rota.team_spec import TeamAccount
from schedules.apply_errors import NoWorkerError
from schedules.explain import suggest
from schedules.live_teams import ACCOUNTS
from schedules.side_by_side import side_by_side
from workers.cli.budget_view import AccountView
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import now
from workers.cli.server import Link
from workers.cli.standing import ask_state

KEEPERS = "WorkflowType = 'Agent' AND ExecutionStatus = 'Running'"
PATIENCE = timedelta(seconds=3)
"""How long each of a list of accounts may take: one that nobody serves delays all."""


async def account_of(link: Link, agent: str | None, team: str | None) -> AccountView:
    """Ask one account.

    Raises:
        CommandError: there is none of that name; exit code 4.
    """
    if team is not None:
        kind, name, view = "team", team, await _team_account(link, team)
    else:
        kind, name = "agent", agent or ""
        view = await agent_account(link, name)
    if view is None:
        known = await (_teams(link) if kind == "team" else _agents(link))
        hint = suggest(name, known) if known else "none is: run 'rota apply' in a fleet"
        raise CommandError(f"no {kind} '{name}' has an account here; {hint}", ExitCode.NOT_FOUND)
    return view


async def all_accounts(link: Link) -> list[AccountView]:
    """Ask every account there is: teams, then agents.

    Raises:
        NoWorkerError: none of them answered.
    """

    async def of_team(name: str) -> AccountView | None:
        try:
            return await _team_account(link, name, PATIENCE)
        except NoWorkerError:
            # Another task queue's, perhaps: the others must not be hidden by it.
            return AccountView("team", name, None, now())

    async def of_agent(name: str) -> AccountView | None:
        try:
            return await agent_account(link, name, PATIENCE)
        except NoWorkerError:
            return AccountView("agent", name, None, now())

    found = [
        *await side_by_side(await _teams(link), of_team),
        *await side_by_side(await _agents(link), of_agent),
    ]
    views = [view for view in found if view is not None]
    if views and all(view.account is None for view in views):
        raise NoWorkerError(link.settings.task_queue)
    return views


async def _team_account(
    link: Link, name: str, patience: timedelta | None = None
) -> AccountView | None:
    state = await ask_state(link, budget_id(name), TeamAccount, patience)
    return AccountView("team", name, state.account, now()) if state else None


async def agent_account(
    link: Link, name: str, patience: timedelta | None = None
) -> AccountView | None:
    """Ask the keeper of an agent; None if there is no such agent."""
    state = await ask_state(link, keeper_id(name), KeeperState, patience)
    # A pipeline spends nothing itself: its nodes are runs of agents.
    declared = state.spec or state.retired if state else None
    if state is None or (declared is not None and declared.kind == "Pipeline"):
        return None
    return AccountView("agent", name, state.account, now())


async def _teams(link: Link) -> list[str]:
    listed = link.client.list_workflows(ACCOUNTS)
    return sorted([execution.id.removeprefix(BUDGET_PREFIX) async for execution in listed])


async def _agents(link: Link) -> list[str]:
    listed = link.client.list_workflows(KEEPERS)
    return sorted([execution.id.removeprefix(KEEPER_PREFIX) async for execution in listed])
