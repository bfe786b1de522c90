"""`Agent`: the long-lived keeper of one agent, or pipeline. It owns what runs share.

All rules are pure, in `rota.keepers` (`rules`, `settling`, `needs`, `orders`, `dedupe`). This
workflow applies them one message at a time, which is what makes them atomic, and carries
out what follows: grants, reclaims, ordered runs, word to those who wait, paging.
"""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets.reservations import Account, BudgetRaise, Grant, HoldRequest
    from rota.coordination.upstream import NeedAnswer, NeedRequest
    from rota.effects.records import EffectNote
    from rota.keepers import account as keeper_account
    from rota.keepers import conversations, dedupe, ledger, needs, open_effects, orders, settling
    from rota.keepers import rules as keeper
    from rota.keepers.admission import (
        Admission,
        AdmissionRequest,
        Decision,
        MemoryChange,
        Settled,
        Settlement,
    )
    from rota.keepers.state import HOT_ENTRIES, KeeperState
    from rota.pinned_spec import PinnedSpec
    from rota.run_ref import ClosedRun, RunRef
    from rota.steps import LedgerPage
    from rota.visibility import KEEPER_MEMO
    from workflows.cancel_requests import CancelRequests
    from workflows.keeper_kit import outside
    from workflows.keeper_kit.baselines import KeepsBaselines
    from workflows.keeper_kit.freezes import Freezable
    from workflows.keeper_kit.in_force import KnowsSchedule
    from workflows.keeper_kit.lookout import Lookout
    from workflows.keeper_kit.measured import Measured
    from workflows.keeper_kit.ordered import StartsOrders
    from workflows.keeper_kit.refusals import refusing, require_json
    from workflows.keeper_kit.showing import details, memo_of
    from workflows.keeper_kit.telling import soft_limit_is_due, tell_soft_limits
    from workflows.look import Look
    from workflows.notifying import Tidings


@workflow.defn(name="Agent")
class AgentWorkflow(Freezable, KeepsBaselines, KnowsSchedule, Measured, StartsOrders):
    """The keeper of one agent or pipeline. Freezes, baselines, pauses and orders: `keeper_kit`.

    Messages: updates `declare`, `retire`, `admit`, `hold`, `settle`, `raise_budget`,
    `change_memory`, `need`, `reset_conversation`, `stopped`, `note_effect`; queries `state`,
    `reading`.
    Every update is idempotent: by content, by the run's key or by an id. It signals runs
    `lease_granted`, `key_settled`, `upstream_settled` and `budget_raised`.
    Continue-As-New: when the server suggests it and no handler runs; carries the whole
    state, after moving old ledger entries to a page in the object store.
    Cancellation: ignored, see `workflows.cancel_requests`.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: KeeperState | None = None) -> None:
        self._state = state or KeeperState()
        self._work = self._is_owed()
        self._lookout = Lookout(workflow.now())
        self._look = Look(self._reclaim)
        self._cancels = CancelRequests()
        self._tidings = Tidings(self._show)

    @workflow.run
    async def run(self, state: KeeperState | None = None) -> None:
        """Serve messages for ever."""
        await self._cancels.outlive(self._serve(), self._show)

    async def _serve(self) -> None:
        self._tidings.resume(self._state.untold)
        self._state = self._state.model_copy(update={"untold": ()})
        while True:
            await self._next_work()
            self._work = False
            self._lift()
            if not self._look.is_under_way:
                self._look.after(self._lookout.suspects(self._state, workflow.now()))
            await self._grant()
            await self._start_orders()
            await self._tell_waiters()
            self._tell_people()
            self._show()
            if self._should_continue() and not self._work:
                await self._look.stop()
                await self._tidings.finish()
                await workflow.wait_condition(workflow.all_handlers_finished)
                await self._page_ledger()
                # Given anew: the next execution keeps the memo of the start, not what came since.
                state = self._state.model_copy(update={"untold": self._tidings.owed})
                workflow.continue_as_new(state, memo={KEEPER_MEMO: memo_of(self._state)})

    @workflow.update(description="Put a declaration in force (rota apply).")
    def declare(self, spec: PinnedSpec) -> str:
        """Put `spec` in force and return its digest."""
        require_json(spec.input)
        is_new = self._state.spec != spec
        if is_new:
            with refusing():
                self._state = keeper.declare(self._state, spec)
        self._followed()
        if is_new:
            workflow.upsert_memo({KEEPER_MEMO: memo_of(self._state)})
        return spec.digest

    @workflow.update(description="Take the declaration back; memory and ledger stay.")
    def retire(self) -> None:
        """Refuse every later run until the agent is declared again."""
        self._state = orders.withdraw(keeper.retire(self._state))
        workflow.upsert_memo({KEEPER_MEMO: memo_of(self._state)})
        self._followed()

    @workflow.update(description="A run asks whether it may work.")
    def admit(self, request: AdmissionRequest) -> Admission:
        """Decide on one run."""
        require_json(request.input)
        with refusing():
            self._state, admission = keeper.admit(self._state, request, workflow.now())
        if admission.decision is Decision.SKIP:
            self._lookout.refused(admission.session)
        denied = admission.decision is not Decision.GO
        self._work = self._work or denied or self._lookout.check_is_due(workflow.now())
        self._followed()
        return admission

    @workflow.update(description="A run reports its end.")
    def settle(self, settlement: Settlement) -> Settled:
        """Record an end and free the session."""
        self._state, settled = settling.settle(self._state, settlement, workflow.now())
        self._followed()
        return settled

    @workflow.update(description="A run asks for more of the budget, or gives some back.")
    def hold(self, request: HoldRequest) -> Grant:
        """Reserve what there is; if that is too little, `budget_raised` may follow."""
        self._state, grant = keeper_account.hold(self._state, request, workflow.now())
        self._followed()
        return grant

    @workflow.update(description="A person raises a limit of the day or month (rota budget raise).")
    def raise_budget(self, given: BudgetRaise) -> Account:
        """Give more for this window alone; runs that wait for it go on."""
        with refusing():
            self._state = keeper_account.give(self._state, given, workflow.now())
        self._followed()
        return self._state.account

    @workflow.update(description="A person replaces a session's memory.")
    def change_memory(self, change: MemoryChange) -> Settled:
        """Compare-and-set the head of one session's memory."""
        self._state, settled = settling.change_memory(self._state, change)
        return settled

    @workflow.update(description="A person has a session begin a new conversation.")
    def reset_conversation(self, session: str) -> bool:
        """Forget the session's conversation, not its memory; false if there is none."""
        self._state, known = conversations.forget(self._state, session)
        return known

    @workflow.update(description="A provider's work is known to have stopped (rota doctor).")
    def stopped(self, run: RunRef) -> bool:
        """Forget the run's unstopped work; false if none is known."""
        self._state, known = settling.stopped(self._state, run.key)
        return known

    @workflow.update(description="A run tells of an effect of unknown outcome, or of its end.")
    def note_effect(self, note: EffectNote) -> None:
        """List the effect, or forget it."""
        self._state = open_effects.noted(self._state, note)
        self._show()

    @workflow.update(description="A run of another agent needs a slot of this one.")
    def need(self, request: NeedRequest) -> NeedAnswer:
        """Say what became of the slot; if that is not final, `upstream_settled` follows."""
        with refusing():
            self._state, answer = needs.ask(self._state, request, workflow.now())
        self._followed()
        return answer

    @workflow.query(description="The whole state: declaration, sessions, ledger, events.")
    def state(self) -> KeeperState:
        """Everything the keeper knows."""
        return self._state

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _is_owed(self) -> bool:
        """True if the keeper may have something to do for somebody."""
        state = self._state
        waiting = keeper.waiting_sessions(state) or state.watchers or state.account.waiting
        told = state.outcomes or soft_limit_is_due(state.account, state.spec)
        return bool(waiting or told or orders.due_orders(state))

    def _followed(self) -> None:
        """Note what a message has brought about; the loop carries it out."""
        self._note_declared()
        self._state = orders.closed_orders(self._state)
        self._work = self._work or self._is_owed()
        self._show()

    async def _next_work(self) -> None:
        """Wait for something to do, or for the time to look after runs; a look's end is work."""
        look = self._lookout.pause(self._state, workflow.now())
        pause = self._pause(None if self._look.is_under_way else look)
        try:
            await workflow.wait_condition(
                lambda: self._work or self._should_continue(),
                timeout=pause,
                timeout_summary="look whether those that others wait for still live, or thaw",
            )
        except TimeoutError:
            return

    def _reclaim(self, gone: Sequence[ClosedRun]) -> None:
        """Free what runs hold that ended without a word (terminated, or lost)."""
        for each in gone:
            now = workflow.now()
            state = settling.reclaim(self._state, each.ref, now, used=each.used)
            state = orders.closed_orders(orders.lost(state, each.ref, now))
            self._state = needs.forget(state, each.ref)
        self._work = True

    async def _grant(self) -> None:
        """Tell those in the queues whose turn has come."""
        while True:
            self._state, granted = keeper.grant_next(self._state, workflow.now())
            if granted is None:
                break
            if not await outside.told(granted.run, "lease_granted", granted):
                # Gone while it waited: free the session for the next one.
                gone, now = granted.run, workflow.now()
                self._state = settling.reclaim(self._state, gone, now, began=False)
            self._state = orders.closed_orders(self._state)

    async def _tell_waiters(self) -> None:
        """Tell those whose upstream is settled, or whose key is."""
        self._state, answers = needs.due_answers(self._state)
        self._state, outcomes = dedupe.due_outcomes(self._state)
        self._state, roomy = keeper_account.due_word(self._state, workflow.now())
        if await outside.tell_all("budget_raised", [(run, run) for run in roomy]):
            self._work = True  # somebody is gone: there is room for the next
        # A run in need that is gone was forgotten with its answer; nothing is to be freed.
        await outside.tell_all("upstream_settled", [(each.waiter, each) for each in answers])
        told = [(each.waiter, each) for each in outcomes]
        for run in await outside.tell_all("key_settled", told):
            self._state = settling.reclaim(self._state, run, workflow.now())
            self._followed()

    def _tell_people(self) -> None:
        """Tell of a soft limit that is reached; it counts as told before it is."""
        spec = self._state.spec
        if spec is not None:
            account = tell_soft_limits(self._state.account, spec, self._tidings)
            self._state = self._state.model_copy(update={"account": account})

    async def _page_ledger(self) -> None:
        state, kept = self._state, needs.kept_entries(self._state)
        keys = [key for key in ledger.entries_to_page(state, keep=HOT_ENTRIES) if key not in kept]
        if not keys:
            return
        page = LedgerPage(entries=tuple(state.ledger[key] for key in keys), parent=state.pages)
        digest = await outside.stored_page(page)
        if digest is not None:
            self._state = ledger.paged(self._state, keys, digest)

    def _show(self) -> None:
        notice = [*self._cancels.notice, *self._tidings.notice]
        workflow.set_current_details(details(self._state, notice, workflow.now()))
