"""The keeper's decisions, one rule at a time."""

from typing import Any

import pytest

from rota.agent_spec import SessionConcurrency
from rota.coordination.lineage import Lineage
from rota.keepers import rules as keeper
from rota.keepers.admission import Decision
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from tests.rota.keepers.desks import Desk, pinned, run

QUEUE, SKIP, PARALLEL = SessionConcurrency


def test_admit_free_session_goes_with_memory_and_merged_input() -> None:
    """The run gets the session's memory, and its own input laid over the declared one."""
    desk = Desk(input={"feed": "a", "limit": 1})
    desk.change_memory(None, "m1")
    answer = desk.admit("r1", input={"limit": 2})
    assert (answer.decision, answer.memory) == (Decision.GO, "m1")
    assert answer.input == {"feed": "a", "limit": 2}
    assert desk.session().holder == run("r1")
    assert desk.entry("r1").status is RunStatus.RUNNING


def test_admit_keeps_where_the_run_comes_from() -> None:
    """Lineage goes on to the run, one line of it into the ledger; now or when it is granted."""
    lineage = Lineage(root="p-1", parent="p-1", pipeline="p", node="mail", occasion="p@1/mail")
    desk = Desk()
    desk.admit("r1")
    for name in ("r2", "r3"):
        desk.admit(name, lineage=lineage)
        assert desk.entry(name).cause == "node mail of p-1"
    desk.settle("r1")
    granted = desk.grant()
    assert granted is not None
    assert granted.lineage == lineage
    assert desk.entry("r1").cause == ""


@pytest.mark.parametrize(
    ("template", "key"),
    [
        (None, None),
        ("{input.n}", "7"),
        ("{input.customer}", "ä" * 23 + "~"),
    ],
)
def test_admit_fills_the_fairness_key(template: str | None, key: str | None) -> None:
    """Text of at most 64 bytes, however long the value is; none if none is declared."""
    answer = Desk(fairness_key=template).admit("r1", input={"n": 7, "customer": "ä" * 40})
    given = answer.fairness_key
    assert given == key or (given and key and given.startswith(key))
    assert len((given or "").encode()) <= 64


def test_admit_fairness_key_without_its_value_is_skipped() -> None:
    """A run that lacks the key is skipped by name, and holds nothing."""
    desk = Desk(fairness_key="{input.customer}", dedupe_key="{input.sha}")
    answer = desk.admit("r1", input={"sha": "1"})
    assert answer.decision is Decision.SKIP
    assert "fairness key '{input.customer}'" in answer.reason
    assert (desk.state.sessions, desk.state.keys) == ({}, {})


def test_grant_under_a_fairness_key_that_the_run_lacks_is_skipped() -> None:
    """A run that queued before the declaration changed is told what it lacks, and the next goes."""
    desk = Desk()
    for name in ("r1", "r2"):
        desk.admit(name)
    desk.admit("r3", input={"customer": "c"})
    desk.declare(fairness_key="{input.customer}", digest="new")
    desk.settle("r1")
    refused, granted = desk.grant(), desk.grant()
    assert refused is not None
    assert (refused.decision, refused.run) == (Decision.SKIP, run("r2"))
    assert granted is not None
    assert (granted.decision, granted.run) == (Decision.GO, run("r3"))


def test_admit_undeclared_agent_is_an_error() -> None:
    """A keeper without a declaration admits nobody and keeps no trace."""
    desk = Desk()
    desk.state = KeeperState()
    with pytest.raises(keeper.UnknownAgentError):
        desk.admit("r1")
    assert desk.state == KeeperState()


def test_admit_held_session_waits_and_names_the_holder() -> None:
    """A waiting run knows whom it waits for."""
    desk = Desk()
    desk.admit("r1")
    answer = desk.admit("r2")
    assert answer.decision is Decision.WAIT
    assert answer.reason == "session 'default' is held by r1"
    assert desk.entry("r2").status is RunStatus.QUEUED


def test_admit_between_settlement_and_grant_does_not_overtake() -> None:
    """Who comes while a freed session is not yet handed on stands behind those waiting."""
    desk = Desk()
    desk.admit("r1")
    desk.admit("r2")
    desk.settle("r1")
    assert desk.admit("r3").decision is Decision.WAIT
    granted = desk.grant()
    assert granted is not None
    assert granted.run == run("r2")


def test_admit_skip_session_names_the_holder() -> None:
    """With `skip` a second run closes at once, with a reason, and leaves no lease."""
    desk = Desk(session_concurrency=SKIP)
    desk.admit("r1")
    answer = desk.admit("r2")
    assert (answer.decision, answer.reason) == (Decision.SKIP, "session 'default' is held by r1")
    desk.settle("r1")
    assert desk.admit("r3").decision is Decision.GO


def test_admit_parallel_session_is_never_held() -> None:
    """With `parallel` all runs go at once and nobody holds anything."""
    desk = Desk(session_concurrency=PARALLEL)
    assert {desk.admit(f"r{n}").decision for n in range(3)} == {Decision.GO}
    assert desk.session().holder is None


def test_admit_other_session_keys_do_not_wait_for_each_other() -> None:
    """The session key decides who waits for whom."""
    desk = Desk(session_key="{input.account}")
    assert desk.admit("r1", input={"account": "x"}).decision is Decision.GO
    assert desk.admit("r2", input={"account": "y"}).decision is Decision.GO
    assert desk.admit("r3", input={"account": "x"}).decision is Decision.WAIT


@pytest.mark.parametrize(
    ("template", "input", "key"),
    [
        ("plain", {}, "plain"),
        ("{input.a}", {"a": "x"}, "x"),
        ("{input.a}", {"a": 7}, "7"),
        ("{input.a}", {"a": True}, "true"),
        ("{input.a}", {"a": {"z": 1, "b": [2]}}, '{"b":[2],"z":1}'),
        ("{input.a}-{input.b|none}", {"a": "x"}, "x-none"),
    ],
)
def test_admit_session_key_is_text_of_the_value(template: str, input: Any, key: str) -> None:
    """Equal values give equal keys, whatever their JSON type."""
    assert Desk(session_key=template).admit("r1", input=input).session == key


@pytest.mark.parametrize(
    ("input", "words"),
    [({}, "no 'account'"), ({"account": None}, "null")],
)
def test_admit_session_key_without_its_value_is_skipped(input: Any, words: str) -> None:
    """A run that lacks the key is skipped by name: it never shares a nameless session."""
    desk = Desk(session_key="{input.account}")
    answer = desk.admit("r1", input=input)
    assert answer.decision is Decision.SKIP
    assert "session key '{input.account}'" in answer.reason
    assert words in answer.reason
    assert desk.state.sessions == {}


@pytest.mark.parametrize("status", [s for s in RunStatus if s.closed and s != RunStatus.SKIPPED])
def test_admit_after_the_end_changes_nothing(status: RunStatus) -> None:
    """A request that arrives late, after its run has settled, takes no lease."""
    desk = Desk()
    desk.admit("r1")
    desk.settle("r1", status)
    before = desk.state
    answer = desk.admit("r1")
    assert (answer.decision, answer.reason) == (
        Decision.SKIP,
        f"this run already ended as {status}",
    )
    assert desk.state == before


def test_admit_repeated_keeps_the_first_decision() -> None:
    """A skip stays a skip and a wait a wait, though the reason has gone meanwhile."""
    desk = Desk(session_concurrency=SKIP)
    desk.admit("r1")
    skipped = desk.admit("r2")
    desk.settle("r1")
    assert desk.admit("r2") == skipped
    desk = Desk()
    desk.admit("r1")
    waiting = desk.admit("r2")
    desk.settle("r1")
    assert desk.admit("r2") == waiting
    assert len(desk.session().queue) == 1


def test_grant_after_a_new_session_key_keeps_the_session() -> None:
    """A run that waits when the key's template changes gets, and later frees, its own."""
    desk = Desk(session_key="{input.a}")
    desk.admit("r1", input={"a": "x", "b": "y"})
    desk.admit("r2", input={"a": "x", "b": "y"})
    desk.state = keeper.declare(desk.state, pinned(session_key="{input.b}", digest="new"))
    assert desk.admit("r2", input={"a": "x", "b": "y"}).session == "x"
    desk.settle("r1")
    granted = desk.grant()
    assert granted is not None
    assert (granted.session, granted.spec.digest) == ("x", "new")
    desk.settle("r2")
    assert all(s.holder is None and not s.queue for s in desk.state.sessions.values())


@pytest.mark.parametrize("concurrency", [SKIP, PARALLEL])
def test_grant_after_another_concurrency_leaves_nobody_waiting(
    concurrency: SessionConcurrency,
) -> None:
    """Those who queued before the change still get their turn, and free it."""
    desk = Desk()
    for name in ("r1", "r2", "r3"):
        desk.admit(name)
    desk.state = keeper.declare(desk.state, pinned(session_concurrency=concurrency))
    desk.settle("r1")
    for name in ("r2", "r3"):
        granted = desk.grant()
        assert granted is not None
        assert (granted.run, granted.decision) == (run(name), Decision.GO)
        desk.settle(name)
    assert desk.grant() is None
    assert desk.session().holder is None


def test_grant_after_retirement_turns_the_waiting_away() -> None:
    """Runs that wait when an agent is retired close as skipped; the holder may finish."""
    desk = Desk()
    desk.admit("r1")
    desk.admit("r2")
    desk.state = keeper.retire(keeper.retire(desk.state))
    granted = desk.grant()
    assert granted is not None
    assert (granted.decision, granted.run) == (Decision.SKIP, run("r2"))
    assert "retired" in granted.reason
    assert desk.entry("r2").status is RunStatus.SKIPPED
    assert desk.grant() is None
    desk.settle("r1", memory="m1")
    assert desk.session().memory == "m1"


def test_retire_then_admit_is_refused_until_declared_again() -> None:
    """Retirement refuses new runs; memory and ledger survive it."""
    desk = Desk()
    desk.admit("r1")
    desk.settle("r1", memory="m1")
    desk.state = keeper.retire(desk.state)
    with pytest.raises(keeper.UnknownAgentError):
        desk.admit("r2")
    desk.state = keeper.declare(desk.state, pinned())
    assert desk.admit("r3").memory == "m1"
    assert desk.entry("r1").status is RunStatus.SUCCEEDED


def test_admit_repeated_after_retirement_still_answers() -> None:
    """A run admitted before learns its answer, so that it can go on and settle."""
    desk = Desk()
    desk.admit("r1")
    desk.state = keeper.retire(desk.state)
    assert desk.admit("r1").decision is Decision.GO
