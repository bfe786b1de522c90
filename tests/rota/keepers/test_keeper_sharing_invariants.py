"""What holds of keys and limits whatever happens, in whatever order."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rota.agent_spec import SessionConcurrency
from rota.keepers import dedupe, ledger, settling
from rota.keepers import rules as keeper
from rota.keepers.admission import Admission, AdmissionRequest, Decision, KeyOutcome, Settlement
from rota.keepers.state import KeeperState
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, pinned, run

ENDS = st.sampled_from([RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
VALUES = st.sampled_from(["x", "y", "z"])
SPECS = st.builds(
    lambda concurrency, parallel, keyed, keep: pinned(
        session_key="{input.account}",
        session_concurrency=concurrency,
        parallel=parallel,
        dedupe_key="{input.sha}" if keyed else None,
        dedupe_keep_seconds=keep * 3600.0,
    ),
    st.sampled_from(SessionConcurrency),
    st.none() | st.integers(1, 3),
    st.sampled_from([True, True, True, False]),
    st.integers(1, 4),
)


class SharingMachine(RuleBasedStateMachine):
    """Runs with few keys and less room come, wait, share, end and vanish."""

    def __init__(self) -> None:
        super().__init__()
        self.state = KeeperState()
        self.now = T0
        self.requests: dict[str, AdmissionRequest] = {}
        self.working: set[str] = set()
        self.queued: list[str] = []
        """In order of arrival."""
        self.joined: dict[str, str] = {}
        """Runs that share an end, and whose."""
        self.told: dict[str, KeyOutcome] = {}
        """Runs that have been told it and have not settled yet."""
        self.ends: dict[str, Settlement] = {}
        self.final: dict[str, int] = {}
        """How many final answers each run got: to go, to be skipped, or another's end."""

    @initialize(spec=SPECS)
    def declare_first(self, spec: PinnedSpec) -> None:
        self.state = keeper.declare(self.state, spec)

    @precondition(lambda self: self.state.spec is not None)
    @rule(account=VALUES, sha=VALUES, slot=st.none() | st.integers(0, 3))
    def come(self, account: str, sha: str, slot: int | None) -> None:
        name = f"r{len(self.requests):03}"
        trigger = Trigger.MANUAL if slot is None else Trigger.BACKFILL
        at = None if slot is None else T0 + slot * HOUR
        values = {"account": account, "sha": sha}
        request = AdmissionRequest(run=run(name), trigger=trigger, slot=at, input=values)
        self.requests[name] = request
        self.state, answer = keeper.admit(self.state, request, self.now)
        if answer.decision is Decision.GO:
            assert all(self._session(each) != answer.session for each in self.queued), "overtook"
            limit = answer.spec.parallel
            if limit is not None and self.queued:
                assert self._working() + self._could_go() <= limit, "took the room of others"
        self._note(name, answer)

    @precondition(lambda self: self.state.spec is not None)
    @rule(account=VALUES, sha=VALUES, count=st.integers(3, 5))
    def come_together(self, account: str, sha: str, count: int) -> None:
        for _ in range(count):
            self.come(account, sha, None)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.requests)))
        before = self.state
        self.state, answer = keeper.admit(self.state, self.requests[name], self.now)
        assert self.state == before
        expected = Decision.GO if name in self.working else Decision.SKIP
        if name in self.queued:
            expected = Decision.WAIT
        elif name in self.joined or name in self.told:
            expected = Decision.JOIN
        assert answer.decision is expected

    @precondition(lambda self: self.working)
    @rule(data=st.data(), status=ENDS)
    def end(self, data: st.DataObject, status: RunStatus) -> None:
        self._end(data.draw(st.sampled_from(sorted(self.working))), status)

    @precondition(lambda self: self.queued or self.joined)
    @rule(data=st.data(), lost=st.booleans())
    def leave_while_waiting(self, data: st.DataObject, lost: bool) -> None:
        name = data.draw(st.sampled_from(sorted({*self.queued, *self.joined})))
        if lost:
            self.state = settling.reclaim(self.state, run(name), self.now)
        else:
            self._settle(name, RunStatus.CANCELLED)
        if name in self.queued:
            self.queued.remove(name)
        self.joined.pop(name, None)
        self.final[name] += 1

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def end_as_told(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.told)))
        outcome = self.told.pop(name)
        shared = outcome.status in (RunStatus.SUCCEEDED, RunStatus.SKIPPED)
        self._settle(name, RunStatus.SKIPPED if shared else RunStatus.FAILED)

    @rule()
    def grant(self) -> None:
        while True:
            before = self.state
            self.state, granted = keeper.grant_next(self.state, self.now)
            if granted is None:
                assert self.state == before
                return
            name = granted.run.id
            earlier = self.queued[: self.queued.index(name)]
            held = [s.holder for s in before.sessions.values() if s.holder is not None]
            blocked = {before.ledger[each.key].session for each in held}
            assert all(self._session(each) in blocked for each in earlier), "not in order"
            self.queued.remove(name)
            self._note(name, granted)

    @rule()
    def tell(self) -> None:
        self.state, outcomes = dedupe.due_outcomes(self.state)
        for outcome in outcomes:
            name = outcome.waiter.id
            whose = self.joined.pop(name)
            if outcome.reason != dedupe.RETIRED:
                assert outcome.run == run(whose)
            if outcome.run.id in self.ends:
                assert outcome.status is self.ends[outcome.run.id].status
                assert outcome.output == self.ends[outcome.run.id].output
            self.told[name] = outcome
            self.final[name] += 1

    @rule(spec=SPECS)
    def declare_again(self, spec: PinnedSpec) -> None:
        self.state = keeper.declare(self.state, spec)

    @rule()
    def retire(self) -> None:
        self.state = keeper.retire(self.state)

    @rule(minutes=st.integers(1, 120))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def continue_as_new(self) -> None:
        carried = KeeperState.model_validate_json(self.state.model_dump_json())
        assert carried == self.state
        self.state = carried

    @invariant()
    def one_open_run_per_key_works_or_waits_to_work(self) -> None:
        keys = [
            entry.dedupe_key
            for entry in self.state.ledger.values()
            if entry.dedupe_key and not entry.status.closed and entry.same_as is None
        ]
        assert len(keys) == len(set(keys))

    @invariant()
    def every_key_at_work_is_held_by_the_open_run_that_has_it(self) -> None:
        for key, held in self.state.keys.items():
            entry = self.state.ledger[held.run.key]
            assert dedupe.key_id(entry.dedupe_key) == key
            assert entry.status is held.status or not entry.status.closed
            assert entry.status.closed is (held.status is not RunStatus.RUNNING)
            assert not (held.waiters and entry.status.closed), "waits for an end that has come"

    @invariant()
    def whoever_shares_an_end_waits_for_it_or_is_about_to_be_told(self) -> None:
        waiting = [w.id for held in self.state.keys.values() for w in held.waiters]
        due = [outcome.waiter.id for outcome in self.state.outcomes]
        assert sorted([*waiting, *due]) == sorted(self.joined)

    @invariant()
    def the_ledger_tells_where_each_run_stands(self) -> None:
        for name in self.requests:
            status = self.state.ledger[run(name).key].status
            assert (status is RunStatus.RUNNING) is (name in self.working)
            waits = name in self.queued or name in self.joined or name in self.told
            assert (status is RunStatus.QUEUED) is waits

    @invariant()
    def nobody_has_two_final_answers(self) -> None:
        waiting = {*self.queued, *self.joined}
        for name in self.requests:
            assert self.final.get(name, 0) == (0 if name in waiting else 1)

    def teardown(self) -> None:
        """Once all who work have ended, everybody has had an answer."""
        for _ in range(2 * len(self.requests) + 2):
            self.tell()
            self.grant()
            for name in sorted(self.working):
                self._end(name, RunStatus.SUCCEEDED)
        assert (self.queued, self.joined) == ([], {})
        assert settling.key_suspects(self.state) == []
        for name in sorted(self.told):
            self._settle(name, RunStatus.SKIPPED)
        assert ledger.open_runs(self.state, before=self.now + HOUR) == []
        assert all(s.holder is None and not s.queue for s in self.state.sessions.values())

    def _note(self, name: str, answer: Admission) -> None:
        decision = answer.decision
        self.final.setdefault(name, 0)
        if decision is Decision.WAIT:
            self.queued.append(name)
        elif decision is Decision.JOIN:
            assert answer.same_as is not None
            self.joined[name] = answer.same_as.id
        else:
            self.final[name] += 1
        if decision is Decision.GO:
            self.working.add(name)
            limit = answer.spec.parallel
            assert limit is None or self._working() <= limit, "more at work than may be"
        if decision is Decision.SKIP and answer.same_as is not None:
            whose = self.ends[answer.same_as.id]
            assert (whose.status, whose.output) == (RunStatus.SUCCEEDED, answer.output)

    def _end(self, name: str, status: RunStatus) -> None:
        self.working.remove(name)
        self._settle(name, status)

    def _settle(self, name: str, status: RunStatus) -> None:
        report = Settlement(run=run(name), status=status, output=f"result of {name}")
        self.state, _ = settling.settle(self.state, report, self.now)
        self.ends[name] = report

    def _session(self, name: str) -> str:
        return self.state.ledger[run(name).key].session

    def _working(self) -> int:
        return sum(e.status is RunStatus.RUNNING for e in self.state.ledger.values())

    def _could_go(self) -> int:
        """How many the keeper would grant now if there were room for all."""
        spec = self.state.spec
        assert spec is not None
        state = self.state.model_copy(update={"spec": spec.model_copy(update={"parallel": None})})
        count = 0
        while True:
            state, granted = keeper.grant_next(state, self.now)
            if granted is None:
                return count
            count += 1


SharingMachine.TestCase.settings = settings(stateful_step_count=40)
TestKeeperSharingInvariants = SharingMachine.TestCase
