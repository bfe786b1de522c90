"""What holds of a keeper whatever happens, in whatever order, however often repeated."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rota.agent_spec import SessionConcurrency
from rota.budgets.reservations import WindowKind
from rota.keepers import ledger, settling
from rota.keepers import rules as keeper
from rota.keepers.admission import AdmissionRequest, Decision, MemoryChange, RunRef, Settlement
from rota.keepers.state import KeeperState
from rota.runs import RunStatus, Trigger
from rota.usage import Usage
from tests.rota.keepers.desks import HOUR, T0, pinned, run

ENDS = st.sampled_from([RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
ACCOUNTS = st.sampled_from(["x", "y"])


class KeeperMachine(RuleBasedStateMachine):
    """Runs come, wait, end, vanish and repeat themselves; the agent is re-declared."""

    state = KeeperState()

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.ever_parallel = False
        self.requests: dict[str, AdmissionRequest] = {}
        self.reports: list[Settlement] = []
        self.working: dict[str, str | None] = {}
        """Runs that were told to go, with the memory each was given."""
        self.arrivals: dict[str, list[str]] = {}
        """Waiting runs by session, in the order they were told to wait."""
        self.accepted: dict[str, list[str]] = {}
        """Runs whose memory was accepted, by session, in order."""

    @initialize(concurrency=st.sampled_from(SessionConcurrency))
    def declare_first(self, concurrency: SessionConcurrency) -> None:
        spec = pinned(session_key="{input.account}", session_concurrency=concurrency)
        self.state = keeper.declare(KeeperState(), spec)
        self.ever_parallel = concurrency is SessionConcurrency.PARALLEL

    @rule(account=ACCOUNTS, slot=st.none() | st.integers(0, 20), hand=st.booleans())
    def come(self, account: str, slot: int | None, hand: bool) -> None:
        name = f"r{len(self.requests)}"
        request = AdmissionRequest(
            run=run(name),
            trigger=Trigger.MANUAL if hand or slot is None else Trigger.SCHEDULE,
            slot=None if slot is None else T0 + slot * HOUR,
            input={"account": account},
            passed_slots=() if slot is None else tuple(T0 + n * HOUR for n in range(slot + 1, 8)),
        )
        self.requests[name] = request
        if self.state.spec is None:
            try:
                keeper.admit(self.state, request, self.now)
            except keeper.UnknownAgentError:
                self.declare_again(SessionConcurrency.QUEUE, "account")
                return
            raise AssertionError("a retired agent admitted a run")
        self.state, answer = keeper.admit(self.state, request, self.now)
        if answer.decision is Decision.GO:
            self.working[name] = answer.memory
            overtaken = self.arrivals.get(answer.session)
            parallel = answer.spec.session_concurrency is SessionConcurrency.PARALLEL
            assert parallel or not overtaken, "went before those who wait"
        elif answer.decision is Decision.WAIT:
            self.arrivals.setdefault(answer.session, []).append(name)

    @rule(account=ACCOUNTS, count=st.integers(2, 4))
    def come_together(self, account: str, count: int) -> None:
        for _ in range(count):
            self.come(account, None, True)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.requests)))
        if run(name).key not in self.state.ledger:
            return
        before = self.state
        self.state, answer = keeper.admit(self.state, self.requests[name], self.now)
        assert self.state == before
        waiting = any(name in names for names in self.arrivals.values())
        expected = Decision.GO if name in self.working else Decision.SKIP
        assert answer.decision is (Decision.WAIT if waiting else expected)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), status=ENDS, writes=st.booleans())
    def end(self, data: st.DataObject, status: RunStatus, writes: bool) -> None:
        """As `settle_run` does it: on a conflict, merge onto the new head and repeat."""
        name = data.draw(st.sampled_from(sorted(self.working)))
        base = self.working.pop(name)
        entry = self.state.ledger[run(name).key]
        used = Usage(input_tokens=2, cost_micros=len(name))
        fields: dict[str, Any] = {"run": run(name), "status": status, "usage": used}
        while True:
            if writes and status is RunStatus.SUCCEEDED:
                fields |= {"base_memory": base, "memory": f"{base or ''}+{name}"}
            report = Settlement(**fields)
            self.state, settled = settling.settle(self.state, report, self.now)
            if not settled.conflict:
                break
            base = settled.memory
        self.reports.append(report)
        if report.memory is not None:
            self.accepted.setdefault(entry.session, []).append(name)

    @rule(account=ACCOUNTS)
    def write_by_hand(self, account: str) -> None:
        session = self.state.sessions.get(account)
        base = session.memory if session else None
        name = f"p{len(self.accepted.setdefault(account, []))}"
        change = MemoryChange(session=account, base=base, memory=f"{base or ''}+{name}")
        self.state, settled = settling.change_memory(self.state, change)
        assert not settled.conflict
        self.accepted[account].append(name)

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def report_again(self, data: st.DataObject) -> None:
        before = self.state
        report = data.draw(st.sampled_from(self.reports))
        self.state, settled = settling.settle(self.state, report, self.now)
        assert self.state == before
        assert not settled.conflict

    @precondition(lambda self: any(self.arrivals.values()))
    @rule(data=st.data())
    def vanish_or_cancel_waiting(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(k for k, v in self.arrivals.items() if v)))
        name = data.draw(st.sampled_from(self.arrivals[key]))
        self.arrivals[key].remove(name)
        self.state = settling.reclaim(self.state, run(name), self.now)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def vanish_working(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.working)))
        del self.working[name]
        self.state = settling.reclaim(self.state, run(name), self.now)

    @rule()
    def grant(self) -> None:
        while True:
            self.state, granted = keeper.grant_next(self.state, self.now)
            if granted is None:
                break
            waiting = self.arrivals[granted.session]
            assert granted.run == run(waiting[0]), "not first in, first out"
            name = waiting.pop(0)
            if granted.decision is Decision.GO:
                self.working[name] = granted.memory

    @rule(
        concurrency=st.sampled_from(SessionConcurrency), key=st.sampled_from(["account", "other"])
    )
    def declare_again(self, concurrency: SessionConcurrency, key: str) -> None:
        template = "{input." + key + "|z}"
        spec = pinned(session_key=template, session_concurrency=concurrency)
        self.state = keeper.declare(self.state, spec)
        self.ever_parallel |= concurrency is SessionConcurrency.PARALLEL

    @rule()
    def retire(self) -> None:
        self.state = keeper.retire(self.state)

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(keep=st.integers(0, 3))
    def page(self, keep: int) -> None:
        keys = ledger.entries_to_page(self.state, keep=keep)
        assert all(self.state.ledger[key].status.closed for key in keys)

    @rule()
    def continue_as_new(self) -> None:
        self.state = KeeperState.model_validate_json(self.state.model_dump_json())

    @invariant()
    def every_run_has_one_entry_that_tells_its_standing(self) -> None:
        waiting = {name for names in self.arrivals.values() for name in names}
        for name in self.requests:
            entry = self.state.ledger.get(run(name).key)
            if entry is None:
                continue
            expected = RunStatus.RUNNING if name in self.working else None
            expected = RunStatus.QUEUED if name in waiting else expected
            assert entry.status is expected or (expected is None and entry.status.closed)

    @invariant()
    def leases_belong_to_working_runs_and_queues_to_waiting_ones(self) -> None:
        for key, session in self.state.sessions.items():
            assert session.holder is None or session.holder in map(run, self.working)
            assert [w.run for w in session.queue] == [run(n) for n in self.arrivals.get(key, [])]

    @invariant()
    def one_run_works_per_session(self) -> None:
        sessions = [self.state.ledger[run(name).key].session for name in self.working]
        assert self.ever_parallel or len(sessions) == len(set(sessions))

    @invariant()
    def one_slot_has_at_most_one_note_without_a_run(self) -> None:
        notes = [entry.slot for entry in self.state.ledger.values() if entry.run is None]
        scheduled = [
            entry.slot
            for entry in self.state.ledger.values()
            if entry.run is not None and entry.trigger is Trigger.SCHEDULE
        ]
        assert len(notes) == len(set(notes))
        assert not set(notes) & set(scheduled)

    @invariant()
    def totals_are_those_of_the_ledger(self) -> None:
        ended = [e for e in self.state.ledger.values() if e.run is not None and e.status.closed]
        expected = Counter((entry.status, entry.trigger.value) for entry in ended)
        totals = self.state.totals
        counted = {(s, t): n for s, triggers in totals.runs.items() for t, n in triggers.items()}
        assert counted == expected
        spent = sum(entry.usage.counted_micros for entry in ended)
        assert sum(use.micros for use in totals.models.values()) == spent
        months = self.state.account.windows.get(WindowKind.MONTH, ())
        assert sum(month.spent.micros for month in months) == spent

    @invariant()
    def memory_is_one_chain_with_every_accepted_update(self) -> None:
        for key, session in self.state.sessions.items():
            names = self.accepted.get(key, [])
            assert session.memory == ("".join(f"+{name}" for name in names) or None)

    def teardown(self) -> None:
        """Once all have ended or been answered, nothing is held and nobody waits."""
        while self.working or keeper.waiting_sessions(self.state):
            for name in list(self.working):
                del self.working[name]
                self.state = settling.reclaim(self.state, RunRef(**dict(run(name))), self.now)
            self.grant()
        assert all(s.holder is None and not s.queue for s in self.state.sessions.values())
        assert ledger.open_runs(self.state, before=self.now + HOUR) == []


KeeperMachine.TestCase.settings = settings(stateful_step_count=40)
TestKeeperInvariants = KeeperMachine.TestCase
