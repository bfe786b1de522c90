"""`Agent`: the long-lived keeper of one agent. It owns what runs share.

All rules are in `rota.keeper`; this workflow applies them one message at a time, which is
what makes them atomic, and carries out what follows: grants, reclaims, paging.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.interface import KeeperDesk, LedgerPage
    from rota import keeper
    from rota.admission import (
        Admission,
        AdmissionRequest,
        MemoryChange,
        RunRef,
        Settled,
        Settlement,
    )
    from rota.agent_spec import PinnedSpec
    from rota.keeper_state import HOT_ENTRIES, KeeperState
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
        self._checked_at: datetime = workflow.now()

    @workflow.run
    async def run(self, state: KeeperState | None = None) -> None:
        """Serve messages for ever."""
        while True:
            waiting = bool(keeper.waiting_sessions(self._state))
            try:
                await workflow.wait_condition(
                    lambda: self._work or self._should_continue(),
                    timeout=RECLAIM_INTERVAL if waiting else None,
                    timeout_summary="look whether the holders still live",
                )
            except TimeoutError:
                self._work = True
            self._work = False
            await self._reclaim()
            await self._grant()
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
        self._state = self._state.model_copy(update={"spec": None})
        workflow.upsert_memo({KEEPER_MEMO: {"fleet": "", "digest": ""}})
        self._show()

    @workflow.update(description="A run asks whether it may work.")
    def admit(self, request: AdmissionRequest) -> Admission:
        """Decide on one run."""
        try:
            self._state, admission = keeper.admit(self._state, request, workflow.now())
        except keeper.UnknownAgentError as error:
            raise ApplicationError(str(error), type="UnknownAgentError") from error
        waiting = bool(keeper.waiting_sessions(self._state))
        self._work = self._work or waiting or self._check_is_due()
        self._show()
        return admission

    @workflow.update(description="A run reports its end.")
    def settle(self, settlement: Settlement) -> Settled:
        """Record an end and free the session."""
        self._state, settled = keeper.settle(self._state, settlement, workflow.now())
        self._work = self._work or bool(keeper.waiting_sessions(self._state))
        self._show()
        return settled

    @workflow.update(description="A person replaces a session's memory.")
    def change_memory(self, change: MemoryChange) -> Settled:
        """Compare-and-set the head of one session's memory."""
        self._state, settled = keeper.change_memory(self._state, change)
        return settled

    @workflow.query(description="The whole state: declaration, sessions, ledger, events.")
    def state(self) -> KeeperState:
        """Everything the keeper knows."""
        return self._state

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _check_is_due(self) -> bool:
        return workflow.now() - self._checked_at > OPEN_CHECK

    async def _reclaim(self) -> None:
        """Free what runs hold that ended without a word (terminated, or lost)."""
        waiting = keeper.waiting_sessions(self._state)
        holders = [self._state.sessions[key].holder for key in waiting]
        suspects = [run for run in holders if run is not None]
        if self._check_is_due():
            suspects += keeper.open_runs(self._state, before=workflow.now() - OPEN_CHECK)
        if not suspects:
            return
        self._checked_at = workflow.now()
        closed: list[RunRef] = await workflow.execute_activity_method(
            KeeperDesk.closed_runs,
            suspects,
            summary=f"do {len(suspects)} open runs still live?",
            **keeper_options(),
        )
        for run in closed:
            self._state = keeper.reclaim(self._state, run, workflow.now())

    async def _grant(self) -> None:
        """Tell the first in each queue whose session is free."""
        for key in keeper.waiting_sessions(self._state):
            self._state, granted = keeper.grant_next(self._state, key, workflow.now())
            if granted is None:
                continue
            waiter = workflow.get_external_workflow_handle(granted.run.id)
            try:
                await waiter.signal("lease_granted", granted)
            except ApplicationError:
                # Gone while it waited: free the session and look at the next one.
                self._state = keeper.reclaim(self._state, granted.run, workflow.now())
                self._work = True

    async def _page_ledger(self) -> None:
        state = self._state
        keys = keeper.entries_to_page(state, keep=HOT_ENTRIES)
        if not keys:
            return
        page = LedgerPage(entries=tuple(state.ledger[key] for key in keys), parent=state.pages)
        digest = await workflow.execute_activity_method(
            KeeperDesk.page_ledger, page, summary="page old ledger entries", **keeper_options()
        )
        self._state = keeper.paged(self._state, keys, digest)

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
