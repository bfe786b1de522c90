"""`Budget`: the account of one team, in which all runs of its agents reserve and settle.

All rules are in `rota.budgets.rules`. This workflow applies them one message at a time, which
is what makes them atomic, tells parked runs that there is room again, and counts what runs
held that are gone without a word.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets import raises as budget_raises
    from rota.budgets import rules as budget_rules
    from rota.budgets.reservations import Account, BudgetRaise, Grant, HoldEnd, HoldRequest
    from rota.budgets.text import account_lines, count_runs
    from rota.ids import BUDGET_PREFIX
    from rota.run_ref import ClosedRun, RunRef
    from rota.team_spec import PinnedTeam, TeamAccount
    from rota.visibility import TEAM_MEMO
    from workflows.activity_options import RECLAIM_INTERVAL
    from workflows.cancel_requests import CancelRequests
    from workflows.keeper_kit import outside
    from workflows.keeper_kit.refusals import refusing
    from workflows.keeper_kit.telling import soft_limit_is_due, tell_soft_limits
    from workflows.look import Look
    from workflows.notifying import Tidings

OPEN_CHECK = timedelta(seconds=60)
"""Reservations older than this are looked after when the next message comes."""
AT_ONCE = 100
"""Runs looked after in one go; more of them take turns."""


@workflow.defn(name="Budget")
class BudgetWorkflow:
    """One team's account; its name is in the workflow id, `budget:<team>`.

    Messages: updates `declare`, `retire`, `hold`, `settle`, `raise_budget`, all idempotent: by
    content, the run's key and number, or the raise's id; query `state`; sends the signal
    `budget_raised` to runs that were refused and for which there may be room.
    Continue-As-New: when the server suggests it; carries the whole account. Ended by hand it
    forgets what was spent; the agents' own keepers know their part.
    Cancellation: ignored, see `workflows.cancel_requests`.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: TeamAccount | None = None) -> None:
        team = workflow.info().workflow_id.removeprefix(BUDGET_PREFIX)
        self._state = state or TeamAccount(team=team)
        self._work = bool(self._state.account.waiting)
        # What the execution before this one had looked at is not known: look again soon.
        self._looked_at: datetime = workflow.now() - OPEN_CHECK
        self._turn = 0
        """Of more runs than are looked after at once, where the next look begins."""
        self._look = Look(self._reclaim)
        self._cancels = CancelRequests()
        self._tidings = Tidings(self._show)

    @workflow.run
    async def run(self, state: TeamAccount | None = None) -> None:
        """Serve messages for ever."""
        await self._cancels.outlive(self._serve(), self._show)

    async def _serve(self) -> None:
        self._tidings.resume(self._state.untold)
        self._state = self._state.model_copy(update={"untold": ()})
        while True:
            await self._next_work()
            self._work = False
            if not self._look.is_under_way:
                self._look.after(self._suspects())
            await self._tell()
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._work:
                await self._look.stop()
                await self._tidings.finish()
                await workflow.wait_condition(workflow.all_handlers_finished)
                state = self._state.model_copy(update={"untold": self._tidings.owed})
                workflow.continue_as_new(state, memo={TEAM_MEMO: self._memo()})

    @workflow.update(description="Put a declaration in force (rota apply).")
    def declare(self, spec: PinnedTeam) -> str:
        """Put `spec` in force and return its digest; what was counted stays."""
        if self._state.spec != spec:
            caps, timezone, soft_at = spec.window_caps, spec.timezone, spec.soft_at
            with refusing():
                account = budget_rules.declare(self._state.account, caps, timezone, soft_at)
            self._state = self._state.model_copy(update={"spec": spec, "account": account})
            workflow.upsert_memo({TEAM_MEMO: self._memo()})
        self._followed()
        return spec.digest

    @workflow.update(description="Take the declaration back; the sums stay.")
    def retire(self) -> None:
        """Limit nothing until the team is declared again."""
        account = self._state.account
        account = budget_rules.declare(account, {}, account.timezone, account.soft_at)
        self._state = self._state.model_copy(update={"spec": None, "account": account})
        workflow.upsert_memo({TEAM_MEMO: self._memo()})
        self._followed()

    @workflow.update(description="A run asks for a reservation, or gives some back.")
    def hold(self, request: HoldRequest) -> Grant:
        """Reserve what there is; if that is too little, `budget_raised` may follow."""
        owner, now = f"team {self._state.team}", workflow.now()
        account, grant = budget_rules.hold(self._state.account, request, owner, now)
        self._keep(account)
        return grant

    @workflow.update(description="A run tells what it has spent in the end.")
    def settle(self, end: HoldEnd) -> None:
        """Count it, and free what the run held."""
        self._keep(budget_rules.end(self._state.account, end, workflow.now()))

    @workflow.update(description="A person raises a limit of the day or month (rota budget raise).")
    def raise_budget(self, given: BudgetRaise) -> Account:
        """Give more for this window alone; runs that wait for it go on."""
        owner, now = f"team {self._state.team}", workflow.now()
        with refusing():
            self._keep(budget_raises.give(self._state.account, given, owner, now))
        return self._state.account

    @workflow.query(description="The whole state: declaration, sums, reservations, who waits.")
    def state(self) -> TeamAccount:
        """Everything the account knows."""
        return self._state

    def _keep(self, account: Account) -> None:
        self._state = self._state.model_copy(update={"account": account})
        self._followed()

    def _followed(self) -> None:
        """Note what a message has brought about; the loop carries it out."""
        state = self._state
        owed = bool(state.account.waiting) or soft_limit_is_due(state.account, state.spec)
        self._work = self._work or owed or self._check_is_due()
        self._show()

    async def _next_work(self) -> None:
        """Wait for a message that leaves something to do, or for the time to look."""
        due = None
        if budget_rules.holders(self._state.account) and not self._look.is_under_way:
            due = max(self._looked_at + RECLAIM_INTERVAL - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: self._work or workflow.info().is_continue_as_new_suggested(),
                timeout=due,
                timeout_summary="look whether those who hold what others wait for still live",
            )
        except TimeoutError:
            return

    def _check_is_due(self) -> bool:
        return workflow.now() - self._looked_at >= OPEN_CHECK

    def _suspects(self) -> list[RunRef]:
        """The runs to look after now: those that others wait for, and old ones."""
        now, account = workflow.now(), self._state.account
        suspects = list(budget_rules.holders(account))
        if not suspects and self._check_is_due():
            old = now - OPEN_CHECK
            suspects = [held.run for held in account.holds.values() if held.at < old]
        if not suspects or now - self._looked_at < RECLAIM_INTERVAL:
            return []
        self._looked_at = now
        first = self._turn if self._turn < len(suspects) else 0
        self._turn = first + AT_ONCE
        return suspects[first : first + AT_ONCE]

    def _reclaim(self, gone: Sequence[ClosedRun]) -> None:
        """Count what runs used and held that are gone without a word (terminated, or lost)."""
        account = self._state.account
        for run in gone:
            account = budget_rules.lost(account, run.ref, run.used)
        self._state = self._state.model_copy(update={"account": account})
        self._work = True

    async def _tell(self) -> None:
        """Tell runs that were refused that there may be room, and people of a soft limit."""
        account, roomy = budget_rules.due_word(self._state.account, workflow.now())
        self._state = self._state.model_copy(update={"account": account})
        if await outside.tell_all("budget_raised", [(run, run) for run in roomy]):
            self._work = True  # somebody is gone: there is room for the next
        spec = self._state.spec
        if spec is not None:
            account = tell_soft_limits(self._state.account, spec, self._tidings)
            self._state = self._state.model_copy(update={"account": account})

    def _memo(self) -> dict[str, str]:
        spec = self._state.spec
        return {"fleet": spec.fleet if spec else "", "digest": spec.digest if spec else ""}

    def _show(self) -> None:
        state = self._state
        head = f"**team {state.team}**"
        head += f" · {state.spec.description}" if state.spec and state.spec.description else ""
        lines = [head if state.spec else f"{head} · not declared"]
        lines += account_lines(state.account, workflow.now())
        held = sum(each.granted for each in state.account.holds.values())
        lines.append(f"reserved by {count_runs(held)}")
        lines += [*self._cancels.notice, *self._tidings.notice]
        workflow.set_current_details("\n\n".join(lines))
