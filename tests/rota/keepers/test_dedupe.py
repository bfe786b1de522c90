"""One key, one run: who works, who shares its end, what is remembered and for how long."""

from datetime import timedelta
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.keepers import dedupe, settling
from rota.keepers.admission import Admission, Decision, KeyOutcome
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk, run

KEEP = 10 * HOUR
ENDS = [s for s in RunStatus if s.closed]


def desk(**spec: Any) -> Desk:
    """An agent with a key, whose runs need not wait for each other otherwise."""
    keyed = {"dedupe_key": "{input.sha}", "dedupe_keep_seconds": KEEP.total_seconds()}
    return Desk(**{**keyed, "session_concurrency": "parallel", **spec})


def ask(at: Desk, name: str, sha: str = "abc", **request: Any) -> Admission:
    """A run with that key asks."""
    return at.admit(name, input={"sha": sha}, **request)


def test_key_that_nobody_has_goes() -> None:
    """The first run of each key works; other keys do not concern it."""
    d = desk()
    assert ask(d, "r1", "abc").decision is Decision.GO
    assert ask(d, "r2", "def").decision is Decision.GO
    held = d.state.keys[dedupe.key_id("abc")]
    assert (held.run, held.status, held.waiters) == (run("r1"), RunStatus.RUNNING, ())
    assert d.entry("r1").dedupe_key == "abc"


def test_key_of_an_open_run_is_joined() -> None:
    """A second run neither works nor holds anything; it knows whom it waits for."""
    d = desk(session_concurrency="queue", parallel=1)
    ask(d, "r1")
    answer = ask(d, "r2")
    assert (answer.decision, answer.same_as) == (Decision.JOIN, run("r1"))
    assert answer.reason == "r1 has the same key 'abc': sharing its end"
    assert d.entry("r2").status is RunStatus.QUEUED
    assert d.session().queue == ()
    assert ask(d, "r2") == answer
    assert settling.key_suspects(d.state) == [run("r1")]


def test_key_of_a_run_that_itself_waits_is_joined() -> None:
    """A run that queues for its session has its key from the start."""
    d = desk(session_concurrency="queue")
    ask(d, "r1", "abc")
    assert ask(d, "r2", "def").decision is Decision.WAIT
    assert ask(d, "r3", "def").same_as == run("r2")


@pytest.mark.parametrize("status", ENDS)
def test_key_end_goes_to_all_who_joined(status: RunStatus) -> None:
    """Twenty triggers of one key: one run, and nineteen equal answers, each given once."""
    d = desk()
    for n in range(20):
        ask(d, f"r{n}")
    failed = status is not RunStatus.SUCCEEDED
    category = FailureCategory.REFUSED if failed else None
    d.settle("r0", status, reason="why", category=category, output="o")
    expected = [
        KeyOutcome(
            waiter=run(f"r{n}"),
            run=run("r0"),
            status=status,
            reason="why",
            category=category,
            output="o",
        )
        for n in range(1, 20)
    ]
    assert d.due() == expected
    assert d.due() == []
    assert settling.key_suspects(d.state) == []


def test_key_end_of_a_run_that_is_gone_goes_to_all_who_joined() -> None:
    """A terminated run leaves nobody waiting."""
    d = desk()
    ask(d, "r1")
    ask(d, "r2")
    d.state = settling.reclaim(d.state, run("r1"), T0)
    assert [(o.waiter, o.status) for o in d.due()] == [(run("r2"), RunStatus.FAILED)]


@pytest.mark.parametrize("status", [s for s in ENDS if s is not RunStatus.SUCCEEDED])
def test_key_without_success_is_free_again(status: RunStatus) -> None:
    """The next trigger tries again, even before those who joined have been told."""
    d = desk()
    ask(d, "r1")
    ask(d, "r2")
    d.settle("r1", status)
    assert ask(d, "r3").decision is Decision.GO
    assert [o.waiter for o in d.due()] == [run("r2")]
    assert d.state.keys[dedupe.key_id("abc")].run == run("r3")


def test_key_that_succeeded_is_skipped_with_its_result() -> None:
    """Who comes later gets the result, the run's name and the time; so does who asks again."""
    d = desk()
    ask(d, "r1")
    d.at(T0 + HOUR).settle("r1", output="o")
    answer = d.at(T0 + 2 * HOUR).admit("r2", input={"sha": "abc"})
    assert (answer.decision, answer.same_as, answer.output) == (Decision.SKIP, run("r1"), "o")
    assert answer.reason == "already done by r1 at 2026-11-22T07:00:00Z"
    entry = d.entry("r2")
    assert (entry.status, entry.same_as, entry.output) == (RunStatus.SKIPPED, run("r1"), "o")
    assert d.at(T0 + 20 * HOUR).admit("r2", input={"sha": "abc"}) == answer


@pytest.mark.parametrize(
    ("after", "decision"),
    [(KEEP - timedelta(seconds=1), Decision.SKIP), (KEEP, Decision.GO)],
)
def test_key_that_succeeded_expires(after: timedelta, decision: Decision) -> None:
    """Kept for `dedupe_keep_seconds` from its run's end, then it may run again."""
    d = desk()
    ask(d, "r1")
    d.at(T0 + HOUR).settle("r1")
    assert ask(d.at(T0 + HOUR + after), "r2").decision is decision


def test_key_of_an_open_run_never_expires() -> None:
    """However long the run takes, it is the only one."""
    d = desk()
    ask(d, "r1")
    d.at(T0 + 3 * KEEP)
    ask(d, "other", "def")
    assert ask(d, "r2").decision is Decision.JOIN


def test_keys_that_expired_are_dropped() -> None:
    """The keeper's state does not grow with what nobody may ask for any more."""
    d = desk()
    for sha in ("a", "b"):
        ask(d, sha, sha)
        d.settle(sha)
    ask(d.at(T0 + KEEP), "c", "c")
    assert list(d.state.keys) == [dedupe.key_id("c")]


def test_keys_beyond_the_most_drop_the_first_to_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is bounded; a run at work is never dropped, however early it came."""
    monkeypatch.setattr(dedupe, "MOST_KEYS", 2)
    d = desk()
    for name in ("open", "a", "b", "c"):
        ask(d, name, name)
    for name in ("b", "a", "c"):
        d.settle(name)
    assert list(d.state.keys) == [dedupe.key_id(name) for name in ("open", "a", "c")]
    assert ask(d, "again", "b").decision is Decision.GO


def test_key_that_was_shortened_is_still_found() -> None:
    """A long value is kept short in the ledger, under the same id."""
    d = desk()
    ask(d, "r1", "x" * 1000)
    assert len(d.entry("r1").dedupe_key) < 300
    assert dedupe.key_id("x" * 1000) == dedupe.key_id(d.entry("r1").dedupe_key)
    d.settle("r1")
    assert ask(d, "r2", "x" * 1000).decision is Decision.SKIP
    assert ask(d, "r3", "x" * 999).decision is Decision.GO


@pytest.mark.parametrize("status", [RunStatus.SKIPPED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_joiner_settles_like_any_run(status: RunStatus) -> None:
    """Its entry closes as it reports; the key and its run are not touched."""
    d = desk()
    ask(d, "r1")
    ask(d, "r2")
    d.settle("r1", output="o")
    d.due()
    before = d.state.keys
    d.settle("r2", status, output="o")
    entry = d.entry("r2")
    assert (entry.status, entry.same_as, entry.output) == (status, run("r1"), "o")
    assert d.state.keys == before


@pytest.mark.parametrize("ended", [True, False])
def test_joiner_that_is_cancelled_is_told_nothing(ended: bool) -> None:
    """Whether it leaves before the end of the run it joined, or just before it is told."""
    d = desk()
    for name in ("r1", "r2", "r3"):
        ask(d, name)
    if ended:
        d.settle("r1")
    d.settle("r2", RunStatus.CANCELLED)
    if not ended:
        d.settle("r1")
    assert [o.waiter for o in d.due()] == [run("r3")]


def test_joiners_are_turned_away_when_the_agent_is_retired() -> None:
    """Each is told so at once; the run they waited for may finish, and is remembered."""
    d = desk()
    for name in ("r1", "r2", "r3"):
        ask(d, name)
    d.retire()
    told = d.due()
    assert [(o.waiter, o.run) for o in told] == [(run("r2"), run("r2")), (run("r3"), run("r3"))]
    assert {(o.status, o.reason) for o in told} == {(RunStatus.SKIPPED, dedupe.RETIRED)}
    d.settle("r1", output="o")
    assert d.due() == []
    d.declare(dedupe_key="{input.sha}", dedupe_keep_seconds=60.0)
    assert ask(d, "r4").same_as == run("r1")


def test_key_of_a_queued_run_is_free_after_retirement() -> None:
    """A run that was turned away while it waited has done nothing for its key."""
    d = desk(session_concurrency="queue")
    ask(d, "r1", "abc")
    ask(d, "r2", "def")
    d.retire()
    granted = d.grant()
    assert granted is not None
    assert (granted.run, granted.decision) == (run("r2"), Decision.SKIP)
    assert dedupe.key_id("def") not in d.state.keys


def test_key_is_kept_by_a_run_whose_declaration_changed() -> None:
    """A run frees the key it was admitted with, though the template is another now."""
    d = desk()
    ask(d, "r1")
    ask(d, "r2")
    d.declare(session_concurrency="parallel", digest="new")
    d.settle("r1")
    assert [o.waiter for o in d.due()] == [run("r2")]
    assert ask(d, "r3").decision is Decision.GO


def test_skipped_for_its_session_takes_no_key() -> None:
    """A run that may not even wait leaves the key to the next one."""
    d = desk(session_concurrency="skip")
    ask(d, "r1", "abc")
    assert ask(d, "r2", "def").decision is Decision.SKIP
    d.settle("r1")
    assert ask(d, "r3", "def").decision is Decision.GO


def test_forced_run_does_a_finished_key_again_but_joins_an_open_one() -> None:
    """Force overrides what was done, never the rule that one run works for a key."""
    d = desk()
    d.order("forced", T0, force=True)
    d.order("second", T0 + HOUR, force=True)
    ask(d, "r1")
    d.settle("r1", output="o1")
    backfill = {"trigger": Trigger.BACKFILL}
    assert ask(d, "forced", slot=T0, **backfill).decision is Decision.GO
    assert ask(d, "second", slot=T0 + HOUR, **backfill).same_as == run("forced")
    d.settle("forced", output="o2")
    assert [o.output for o in d.due()] == ["o2"]
    assert ask(d, "r2").output == "o2"


@pytest.mark.parametrize("input", [{}, {"sha": None}, {"sha": ""}])
def test_key_without_its_value_is_skipped_by_name(input: dict[str, Any]) -> None:
    """Runs that lack the value do not all count as the same."""
    d = desk()
    answer = d.admit("r1", input=input)
    assert answer.decision is Decision.SKIP
    assert "dedupe key '{input.sha}'" in answer.reason
    assert d.state.keys == {}
