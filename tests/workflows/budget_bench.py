"""A team's account and an agent's on the real server, and runs that spend from both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from activities.accounts import reserve, settle_team
from activities.keepers import report_settlement
from rota.budgets.reservations import Account, Amount, Cap, Grant, HoldRequest, WindowKind
from rota.ids import budget_id, keeper_id, keeper_queue
from rota.keepers.account import end_of
from rota.keepers.admission import RunRef, Settlement
from rota.runs import RunStatus
from rota.team_spec import PinnedTeam, TeamAccount
from rota.usage import Usage
from tests.stack import Stack, script
from tests.workflows.spender import Spender

CENT = 10_000


@dataclass
class Spending:
    """A run that is there, and what it has spent so far."""

    handle: WorkflowHandle[Any, Any]
    run: RunRef
    number: int = 1
    spent: int = 0


class BudgetBench:
    """An agent `report` of a team with a budget; both need one of the stack's workers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.agent = stack.name("report")
        self.team = stack.name("finance")

    @property
    def team_handle(self) -> WorkflowHandle[Any, Any]:
        """The team's account."""
        return self.stack.client.get_workflow_handle(budget_id(self.team))

    @property
    def keeper_handle(self) -> WorkflowHandle[Any, Any]:
        """The agent's keeper."""
        return self.stack.client.get_workflow_handle(keeper_id(self.agent))

    @asynccontextmanager
    async def spenders(self) -> AsyncGenerator[None]:
        """Serve the runs, apart from the worker that serves the accounts."""
        async with Worker(self.stack.client, task_queue=self._queue, workflows=[Spender]):
            yield

    async def declare(self, *, team_cents: int, agent_cents: int | None = None) -> None:
        """Give the team, and the agent, so much for a day."""
        await self.stack.client.start_workflow(
            "Budget",
            id=budget_id(self.team),
            task_queue=keeper_queue(self.stack.task_queue),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        caps = {WindowKind.DAY: Cap(micros=team_cents * CENT)}
        team = PinnedTeam(digest="d", name=self.team, fleet="test", window_caps=caps)
        await self.team_handle.execute_update("declare", team)
        limit = {"day_usd": agent_cents / 100} if agent_cents else {}
        await self.stack.declare(self.agent, runtime=script({"text": "x"}), budget=limit)

    async def come(self, name: str) -> Spending:
        """Start a run."""
        handle = await self.stack.client.start_workflow(
            "Spender", id=f"{self.team}-{name}", task_queue=self._queue
        )
        assert handle.first_execution_run_id is not None
        return Spending(handle, RunRef(id=handle.id, key=handle.first_execution_run_id))

    async def ask(self, spending: Spending, cents: int, least: int = 0) -> Grant:
        """Ask both accounts as a run does."""
        request = HoldRequest(
            agent=self.agent,
            run=spending.run,
            number=spending.number,
            wanted=Cap(micros=cents * CENT),
            least=Amount(micros=least * CENT),
            spent=Amount(micros=spending.spent),
        )
        return await reserve(self.stack.client, request, self.team)

    async def end(self, spending: Spending, spent: int) -> None:
        """Settle with both accounts as a run does."""
        settlement = Settlement(
            run=spending.run, status=RunStatus.SUCCEEDED, usage=Usage(cost_micros=spent)
        )
        await report_settlement(self.stack.client, self.agent, settlement)
        await settle_team(self.stack.client, self.team, end_of(settlement))

    async def team_account(self) -> Account:
        """The team's account now."""
        return (await self.team_handle.query("state", result_type=TeamAccount)).account

    async def agent_account(self) -> Account:
        """The agent's account now."""
        return (await self.stack.keeper(self.agent)).account

    @property
    def _queue(self) -> str:
        return f"{self.stack.task_queue}-spenders"


def today(account: Account) -> tuple[int, int]:
    """What was spent in the newest day, and what is unknown; in cents."""
    tally = account.windows[WindowKind.DAY][-1]
    return tally.spent.micros // CENT, tally.unknown.micros // CENT


def held(account: Account) -> dict[str, int]:
    """What each run has reserved, in cents, by workflow id; only what is something."""
    holds = account.holds.values()
    return {each.run.id: each.amount.micros // CENT for each in holds if each.amount.micros}
