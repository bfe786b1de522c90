"""`Agent`: the long-lived keeper of one agent. It owns what runs share.

All rules are in `rota.keeper` and `rota.settling`. This workflow applies them one message
at a time, which is what makes them atomic, and carries out what follows: grants,
reclaims, paging.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import KeeperDesk
    from rota import keeper, ledger, settling
    from rota.admission import (
        Admission,
        AdmissionRequest,
        Decision,
        MemoryChange,
        RunRef,
        Settled,
        Settlement,
    )
    from rota.keeper_state import HOT_ENTRIES, KeeperState
    from rota.pinned_spec import PinnedSpec
    from rota.steps import LedgerPage
    from rota.visibility import KEEPER_MEMO
    from workflows.activity_options import RECLAIM_INTERVAL, keeper_options

OPEN_CHECK = timedelta(seconds=60)
"""Runs open for longer than this are looked after when the keeper next has work to do."""


@workflow.defn(name="Agent")
class AgentWorkflow:
    """The keeper of one agent.

    Messages: updates `declare`, `retire`, `admit`, `settle`, `change_memory`; queries
    `state`. Every update is idempotent: by content, or by the run's key.
    Continue-As-New: when the server suggests it and no handler runs; carries the whole
    state, after moving old ledger entries to a page in the object store.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: KeeperState | None = None) -> None:
        self._state = state or KeeperState()
        self._work = bool(keeper.waiting_sessions(self._state))
        # What the execution before this one had looked at is not known: look again soon.
        self._checked_at: datetime = workflow.now() - OPEN_CHECK
        self._looked_at: datetime = workflow.now() - RECLAIM_INTERVAL
        self._refused: list[str] = []
        """Sessions that turned a run away since their holders were last looked after."""

    @workflow.run
    async def run(self, state: KeeperState | None = None) -> None:
        """Serve messages for ever."""
        while True:
            try:
                await workflow.wait_condition(
                    lambda: self._work or self._should_continue(),
                    timeout=self._until_next_look(),
                    timeout_summary="look whether the holders still live",
                )
            except TimeoutError:
                self._work = True
            self._work = False
            await self._reclaim()
            await self._grant()
            self._show()
            if self._should_continue() and not self._work:
                await workflow.wait_condition(workflow.all_handlers_finished)
                await self._page_ledger()
                workflow.continue_as_new(self._state)

    @workflow.update(description="Put a declaration in force (rota apply).")
    def declare(self, spec: PinnedSpec) -> str:
        """Put `spec` in force and return its digest."""
        if self._state.spec != spec:
            self._state = keeper.declare(self._state, spec)
            workflow.upsert_memo({KEEPER_MEMO: {"fleet": spec.fleet, "digest": spec.digest}})
        self._show()
        return spec.digest

    @workflow.update(description="Take the declaration back; memory and ledger stay.")
    def retire(self) -> None:
        """Refuse every later run until the agent is declared again."""
        self._state = keeper.retire(self._state)
        self._work = self._work or bool(keeper.waiting_sessions(self._state))
        workflow.upsert_memo({KEEPER_MEMO: {"fleet": "", "digest": ""}})
        self._show()

    @workflow.update(description="A run asks whether it may work.")
    def admit(self, request: AdmissionRequest) -> Admission:
        """Decide on one run."""
        try:
            self._state, admission = keeper.admit(self._state, request, workflow.now())
        except keeper.UnknownAgentError as error:
            raise ApplicationError(str(error), type="UnknownAgentError") from error
        if admission.decision is Decision.SKIP:
            self._refused.append(admission.session)
        denied = admission.decision is not Decision.GO
        self._work = self._work or denied or self._check_is_due()
        self._show()
        return admission

    @workflow.update(description="A run reports its end.")
    def settle(self, settlement: Settlement) -> Settled:
        """Record an end and free the session."""
        self._state, settled = settling.settle(self._state, settlement, workflow.now())
        self._work = self._work or bool(keeper.waiting_sessions(self._state))
        self._show()
        return settled

    @workflow.update(description="A person replaces a session's memory.")
    def change_memory(self, change: MemoryChange) -> Settled:
        """Compare-and-set the head of one session's memory."""
        self._state, settled = settling.change_memory(self._state, change)
        return settled

    @workflow.query(description="The whole state: declaration, sessions, ledger, events.")
    def state(self) -> KeeperState:
        """Everything the keeper knows."""
        return self._state

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _until_next_look(self) -> timedelta | None:
        if not keeper.waiting_sessions(self._state):
            return None
        return max(self._looked_at + RECLAIM_INTERVAL - workflow.now(), timedelta(0))

    def _check_is_due(self) -> bool:
        return workflow.now() - self._checked_at >= OPEN_CHECK

    def _suspects(self) -> list[RunRef]:
        """Runs to look after: holders somebody waits for, and whatever is open for long."""
        now = workflow.now()
        runs: dict[str, RunRef] = {}
        if now - self._looked_at >= RECLAIM_INTERVAL:
            for key in (*keeper.waiting_sessions(self._state), *self._refused):
                holder = self._state.session(key).holder
                if holder is not None:
                    runs[holder.key] = holder
            self._refused.clear()
            self._looked_at = now
        if self._check_is_due():
            old = ledger.open_runs(self._state, before=now - OPEN_CHECK)
            runs |= {run.key: run for run in old}
            self._checked_at = now
        return list(runs.values())

    async def _reclaim(self) -> None:
        """Free what runs hold that ended without a word (terminated, or lost)."""
        suspects = self._suspects()
        if not suspects:
            return
        try:
            closed: list[RunRef] = await workflow.execute_activity_method(
                KeeperDesk.closed_runs,
                suspects,
                summary=f"do {len(suspects)} open runs still live?",
                **keeper_options(),
            )
        except ActivityError as error:
            _survive(error, "could not look after open runs, trying again later")
            return
        for run in closed:
            self._state = settling.reclaim(self._state, run, workflow.now())

    async def _grant(self) -> None:
        """Tell those in the queues whose turn has come."""
        while True:
            self._state, granted = keeper.grant_next(self._state, workflow.now())
            if granted is None:
                break
            await self._tell(granted)

    async def _tell(self, granted: Admission) -> None:
        waiter = workflow.get_external_workflow_handle(granted.run.id)
        try:
            await waiter.signal("lease_granted", granted)
        except ApplicationError:
            # Gone while it waited: free the session for the next one.
            self._state = settling.reclaim(self._state, granted.run, workflow.now())

    async def _page_ledger(self) -> None:
        state = self._state
        keys = ledger.entries_to_page(state, keep=HOT_ENTRIES)
        if not keys:
            return
        page = LedgerPage(entries=tuple(state.ledger[key] for key in keys), parent=state.pages)
        try:
            digest = await workflow.execute_activity_method(
                KeeperDesk.page_ledger, page, summary="page old ledger entries", **keeper_options()
            )
        except ActivityError as error:
            _survive(error, "could not page the ledger, carrying it whole")
            return
        self._state = ledger.paged(self._state, keys, digest)

    def _show(self) -> None:
        state = self._state
        spec = state.spec
        holders = [s.holder.id for s in state.sessions.values() if s.holder]
        lines = [
            f"**{spec.name}** · {spec.description}" if spec else "**not declared**",
            f"{len(state.sessions)} sessions, {len(state.ledger) + state.paged} ledger entries",
        ]
        if holders:
            lines.append("held by " + ", ".join(holders[:5]))
        workflow.set_current_details("\n\n".join(lines))


def _survive(error: ActivityError, what: str) -> None:
    """Note a failed look-up and live on: a keeper that fails takes its state with it."""
    if is_cancelled_exception(error):
        raise error
    workflow.logger.warning("%s: %s", what, error.cause)
