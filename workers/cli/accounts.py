"""The accounts of agents and teams, asked of the workflows that keep them."""

from rota.ids import BUDGET_PREFIX, KEEPER_PREFIX, budget_id, keeper_id
from rota.keepers.state import KeeperState
from rota.list_query import KEEPERS
from rota.team_spec import TeamAccount
from schedules.explain import suggest
from schedules.live_teams import ACCOUNTS
from workers.cli import roll_call
from workers.cli.budget_view import AccountView
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import now
from workers.cli.server import Link
from workers.cli.standing import ask_state


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
    of_teams = await roll_call.states_of(link, BUDGET_PREFIX, await _teams(link), TeamAccount)
    of_agents = await roll_call.states_of(link, KEEPER_PREFIX, await _agents(link), KeeperState)
    views = [
        *(_of_team(name, state) for name, state in of_teams.items()),
        *(_of_agent(name, state) for name, state in of_agents.items() if not _is_pipeline(state)),
    ]
    roll_call.require_any(link, [view.account for view in views])
    return views


async def agent_account(link: Link, name: str) -> AccountView | None:
    """Ask the keeper of an agent; None if there is no such agent."""
    state = await ask_state(link, keeper_id(name), KeeperState)
    return None if state is None or _is_pipeline(state) else _of_agent(name, state)


async def _team_account(link: Link, name: str) -> AccountView | None:
    state = await ask_state(link, budget_id(name), TeamAccount)
    return _of_team(name, state) if state else None


def _of_team(name: str, state: TeamAccount | None) -> AccountView:
    return AccountView("team", name, state.account if state else None, now())


def _of_agent(name: str, state: KeeperState | None) -> AccountView:
    return AccountView("agent", name, state.account if state else None, now())


def _is_pipeline(state: KeeperState | None) -> bool:
    """True if it spends nothing itself: a pipeline's nodes are runs of agents."""
    declared = state.spec or state.retired if state else None
    return declared is not None and declared.kind == "Pipeline"


async def _teams(link: Link) -> list[str]:
    return await roll_call.open_names(link.client, ACCOUNTS, BUDGET_PREFIX)


async def _agents(link: Link) -> list[str]:
    return await roll_call.open_names(link.client, KEEPERS, KEEPER_PREFIX)
