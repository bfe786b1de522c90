"""A keeper and a team's account in memory; the worker may be lost at any message to them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client

from activities.desks.runs import RunDeskActivities
from activities.documents import put_spec
from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.budgets import rules as budget_rules
from rota.budgets.reservations import Account, Cap, HoldEnd, HoldRequest, WindowKind
from rota.ids import keeper_id
from rota.keepers import account as keeper_account
from rota.keepers import rules as keeper
from rota.keepers import settling
from rota.keepers.admission import AdmissionRequest, Admitted, Settled, Settlement
from rota.keepers.state import KeeperState
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus, Trigger
from rota.steps import AdmitInput, SettleInput
from rota.usage import Usage
from tests.rota.keepers.desks import T0, run
from tests.stack import script

AGENT, TEAM = "report", "finance"


def presenting(name: str) -> AdmitInput:
    """What a run asks as it begins."""
    request = AdmissionRequest(run=run(name), trigger=Trigger.MANUAL)
    return AdmitInput(agent=AGENT, request=request, task_queue="q")


class WorkerLostError(Exception):
    """The worker is gone in the middle of an activity; the server has it done again."""


@dataclass
class AccountBench:
    """Both accounts, of a day each, and the desk that deals with them."""

    store: ObjectStore
    desk: RunDeskActivities = field(init=False)
    keeper: KeeperState = field(default_factory=KeeperState)
    team: Account = field(default_factory=Account)
    lost_at: tuple[str, bool] | None = None
    """The message at which the worker is lost, once (`admit`, `hold report`, `hold finance`), and
    whether that has arrived."""
    _answered: dict[str, Any] = field(default_factory=dict[str, Any])

    @staticmethod
    async def of(folder: Path, *, team_micros: int, **budget: Any) -> "AccountBench":
        """Declare the agent, and give its team so much for a day."""
        bench = AccountBench(open_store(str(folder / "store")))
        bench.desk = RunDeskActivities(cast("Client", bench), bench.store, Toolbox(folder, {}))
        declared = {"name": AGENT, "team": TEAM, "team_budget": True, "budget": budget}
        declared |= {"session": {"concurrency": "parallel"}, "runtime": script({"result": "done"})}
        spec = AgentSpec.model_validate(declared)
        await put_spec(bench.store, spec)
        bench.keeper = keeper.declare(bench.keeper, PinnedSpec.of(spec))
        bench.team = Account(caps={WindowKind.DAY: Cap(micros=team_micros)})
        return bench

    async def admit(self, name: str) -> Admitted:
        """A run presents itself; done again if the worker is lost meanwhile."""
        try:
            return await self.desk.admit_run(presenting(name))
        except WorkerLostError:
            return await self.desk.admit_run(presenting(name))

    async def settle(self, name: str, micros: int, team: str | None = TEAM) -> Settled:
        """A run reports its end; done again if the worker is lost meanwhile."""
        usage = Usage(cost_micros=micros)
        settlement = Settlement(run=run(name), status=RunStatus.SUCCEEDED, usage=usage)
        input = SettleInput(agent=AGENT, settlement=settlement, team=team)
        try:
            return await self.desk.settle_run(input)
        except WorkerLostError:
            return await self.desk.settle_run(input)

    def held(self) -> tuple[dict[str, int], dict[str, int]]:
        """What each run has reserved with the agent and with the team, by name."""
        accounts = (self.keeper.account, self.team)
        own, teams = (
            {held.run.id: held.amount.micros for held in each.holds.values() if held.granted}
            for each in accounts
        )
        return own, teams

    def spent(self) -> tuple[int, int]:
        """What the day of the agent, and that of the team, have come to."""
        accounts = (self.keeper.account, self.team)
        own, teams = (
            sum(day.spent.plus(day.unknown).micros for day in each.windows.get(WindowKind.DAY, ()))
            for each in accounts
        )
        return own, teams

    def get_workflow_handle(self, id: str) -> "_Handle":
        """As the client's."""
        return _Handle(self, id)

    def take(self, id: str, update: str, argument: Any, update_id: str | None) -> Any:
        """Let a message arrive, unless the worker is lost before."""
        name = update if update == "admit" else f"{update} {AGENT if 'agent' in id else TEAM}"
        lost = self.lost_at if self.lost_at and self.lost_at[0] == name else None
        if lost:
            self.lost_at = None
        if lost and not lost[1]:
            raise WorkerLostError(name)
        # As the server does: the same update id gets the first answer.
        answer = self._answered.get(update_id or "") or self._apply(id, update, argument)
        if update_id:
            self._answered[update_id] = answer
        if lost:
            raise WorkerLostError(name)
        return answer

    def _apply(self, id: str, update: str, argument: Any) -> Any:
        answer = None
        if isinstance(argument, HoldEnd):
            self.team = budget_rules.end(self.team, argument, T0)
        elif isinstance(argument, AdmissionRequest):
            self.keeper, answer = keeper.admit(self.keeper, argument, T0)
        elif isinstance(argument, Settlement):
            self.keeper, answer = settling.settle(self.keeper, argument, T0)
        elif isinstance(argument, HoldRequest) and id == keeper_id(AGENT):
            self.keeper, answer = keeper_account.hold(self.keeper, argument, T0)
        else:
            self.team, answer = budget_rules.hold(self.team, argument, f"team {TEAM}", T0)
        return answer


@dataclass
class _Handle:
    bench: AccountBench
    id: str

    async def execute_update(
        self, update: str, argument: Any, *, id: str | None = None, result_type: Any = None
    ) -> Any:
        """As the handle's."""
        return self.bench.take(self.id, update, argument, id)
