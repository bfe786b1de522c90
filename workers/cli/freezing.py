"""Freeze and thaw several keepers at once, and see what each has lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from temporalio.client import Client

from activities.ledger_pages import read_pages
from activities.side_by_side import side_by_side
from activities.stores.base import StoreError
from rota.ids import keeper_id
from rota.keepers.freeze import FreezeChange, FreezeRequest, FreezeScope
from rota.keepers.ledger import is_paged
from rota.keepers.state import KeeperState
from schedules.apply_errors import NoWorkerError
from schedules.freezes import Freezable, FreezeRefusal, chosen, freeze, list_keepers, thaw
from schedules.lost_slots import Lost, lost_to
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import remark
from workers.cli.server import Link
from workers.cli.standing import ANSWER, ask_state


@dataclass(frozen=True)
class Chosen:
    """Which agents and pipelines a person means."""

    names: tuple[str, ...]
    team: str | None
    every: bool

    @property
    def scope(self) -> FreezeScope:
        """What a new agent has to do with it."""
        if self.every:
            return FreezeScope.ALL
        return FreezeScope.TEAM if self.team else FreezeScope.AGENT

    @property
    def words(self) -> tuple[str, ...]:
        """The same, as it is typed."""
        if self.every:
            return ("--all",)
        return ("--team", self.team) if self.team else self.names


@dataclass(frozen=True)
class Changed:
    """What became of one keeper."""

    keeper: Freezable
    change: FreezeChange | None = None
    problem: str = ""
    """Why nothing did; empty if it answered."""
    lost: Lost | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        document = {**self.keeper.document, "before": None}
        if self.change is not None:
            change = self.change.model_dump(mode="json")
            document |= {"before": change["before"], "freeze": change["after"]}
        if self.problem:
            document["problem"] = self.problem
        return document | (self.lost.document if self.lost else {})


async def selected(client: Client, wanted: Chosen) -> list[Freezable]:
    """Return the keepers that are meant.

    Raises:
        CommandError: it is not said which, a name is unknown, or a team has nobody.
    """
    if sum((bool(wanted.names), wanted.team is not None, wanted.every)) != 1:
        raise click.UsageError("name agents, or a --team, or --all: one of these")
    listed = await list_keepers(client)
    found = chosen(listed, wanted.names, wanted.team)
    for name in set(wanted.names) - {keeper.name for keeper in found}:
        await require_agent(client, name)
        raise CommandError(f"{name} was declared this very moment: repeat the command")
    if wanted.team is not None and not found:
        teams = ", ".join(sorted({keeper.team for keeper in listed if keeper.team})) or "none"
        raise CommandError(
            f"no agent or pipeline of team '{wanted.team}'; teams: {teams}", ExitCode.NOT_FOUND
        )
    return found


async def freeze_all(
    link: Link, keepers: Sequence[Freezable], request: FreezeRequest
) -> list[Changed]:
    """Freeze side by side; a keeper that nobody serves keeps the others from nothing.

    Raises:
        CommandError: a keeper refuses it.
    """

    async def one(keeper: Freezable) -> Changed:
        try:
            change = await freeze(link.client, keeper.name, request, keeper.task_queue, ANSWER)
        except FreezeRefusal as error:
            raise CommandError(str(error), ExitCode.WRONG) from error
        except NoWorkerError as error:
            return Changed(keeper, problem=f"{keeper.name} is not frozen: {error}")
        return Changed(keeper, change)

    return await side_by_side(keepers, one)


async def thaw_all(link: Link, keepers: Sequence[Freezable], by: str) -> list[Changed]:
    """Thaw side by side, and look what each has lost."""

    async def one(keeper: Freezable) -> Changed:
        try:
            change = await thaw(link.client, keeper.name, by, keeper.task_queue, ANSWER)
            return Changed(keeper, change, lost=await _lost(link, keeper.name))
        except NoWorkerError as error:
            return Changed(keeper, problem=f"{keeper.name} may be frozen still: {error}")

    return await side_by_side(keepers, one)


async def _lost(link: Link, name: str) -> Lost | None:
    """What its last freeze took; None if it never had one."""
    state = await ask_state(link, keeper_id(name), KeeperState)
    if state is None or not state.thawed:
        return None
    past, entries = state.thawed[-1], list(state.ledger.values())
    if is_paged(state, past.ended) or is_paged(state, past.freeze.at):
        try:
            entries = [*await read_pages(link.store, state.pages), *entries]
        except StoreError as error:
            remark(f"{name}: older slots that were lost cannot be told: {error}")
    return lost_to(name, state, entries, past.freeze.at, past.ended)
