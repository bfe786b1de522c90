"""Which of an agent's sessions a command means, and what its keeper knows of it."""

from dataclasses import dataclass

import click

from rota.ids import keeper_id
from rota.keepers.state import KeeperState, SessionState
from schedules.keepers import wait_for_worker
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.server import Link
from workers.cli.standing import ANSWER, ask_state

session_option = click.option(
    "--session", help="Session key. Default: the agent's only session, or 'default'."
)


@dataclass(frozen=True)
class NamedSession:
    """One session of an agent."""

    key: str
    keeper: KeeperState

    @property
    def state(self) -> SessionState:
        """What is known of it; an empty one if it is new."""
        return self.keeper.session(self.key)


async def named_session(link: Link, agent: str, session: str | None) -> NamedSession:
    """Find the session that is named, or the only one.

    Raises:
        CommandError: no agent has that name, or it has several sessions and none is named.
        NoWorkerError: nobody serves its keeper.
    """
    await require_agent(link.client, agent)
    await wait_for_worker(link.client, link.settings.task_queue, ANSWER)
    # The queue lists a worker for minutes after it has gone; only a query notices.
    keeper = await ask_state(link, keeper_id(agent), KeeperState) or KeeperState()
    if session is not None:
        return NamedSession(session, keeper)
    if len(keeper.sessions) > 1:
        keys = ", ".join(sorted(keeper.sessions))
        raise CommandError(
            f"{agent} has several sessions: name one with --session; known: {keys}",
            ExitCode.WRONG,
        )
    return NamedSession(next(iter(keeper.sessions), "default"), keeper)
