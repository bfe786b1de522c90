"""`limits.parallel`: how many work at once, and who goes first when there is room."""

from rota.keepers.admission import Decision
from rota.runs import RunStatus
from tests.rota.keepers.desks import Desk, run


def granted(desk: Desk) -> list[str]:
    """Everybody whose turn has come, in order."""
    names: list[str] = []
    while (admission := desk.grant()) is not None:
        assert admission.decision is Decision.GO
        names.append(admission.run.id)
    return names


def test_limit_lets_so_many_work_and_the_rest_wait() -> None:
    """In a parallel session too; the reason tells the limit and who is before."""
    desk = Desk(session_concurrency="parallel", parallel=2)
    answers = [desk.admit(f"r{n}") for n in range(4)]
    assert [a.decision.value for a in answers] == ["go", "go", "wait", "wait"]
    assert answers[2].reason == "limits.parallel is 2: 2 at work, 0 waiting before it"
    assert answers[3].reason == "r2 waits for session 'default' before it"
    assert granted(desk) == []
    desk.settle("r1")
    assert granted(desk) == ["r2"]
    desk.settle("r0")
    desk.settle("r2")
    assert granted(desk) == ["r3"]


def test_limit_is_shared_by_sessions_in_order_of_arrival() -> None:
    """Not in the order of their keys, nor all of one session first."""
    desk = Desk(session_key="{input.a}", parallel=1)
    for name, account in (("r0", "z"), ("r1", "z"), ("r2", "a"), ("r3", "z"), ("r4", "a")):
        desk.admit(name, input={"a": account})
    for holder, following in (("r0", "r1"), ("r1", "r2"), ("r2", "r3"), ("r3", "r4")):
        desk.settle(holder)
        assert granted(desk) == [following]


def test_limit_passes_over_who_waits_for_its_session() -> None:
    """An earlier arrival whose session is held does not keep the others from free room."""
    desk = Desk(session_key="{input.a}", parallel=2)
    desk.admit("r0", input={"a": "x"})
    desk.admit("r1", input={"a": "x"})
    assert desk.admit("r2", input={"a": "y"}).decision is Decision.GO
    desk.admit("r3", input={"a": "z"})
    desk.settle("r2")
    assert granted(desk) == ["r3"]


def test_limit_newcomer_does_not_take_the_room_of_who_waits() -> None:
    """Between a settlement and the grant that follows, room belongs to those in the queue."""
    desk = Desk(session_key="{input.a}", parallel=1)
    desk.admit("r0", input={"a": "x"})
    desk.admit("r1", input={"a": "y"})
    desk.settle("r0")
    answer = desk.admit("r2", input={"a": "z"})
    assert answer.decision is Decision.WAIT
    assert answer.reason == "limits.parallel is 1: 0 at work, 1 waiting before it"
    assert granted(desk) == ["r1"]


def test_limit_newcomer_goes_if_there_is_room_for_all() -> None:
    """Nobody waits for nothing: those in the queue could not fill the room."""
    desk = Desk(session_key="{input.a}", parallel=3)
    for name, account in (("r0", "x"), ("r1", "x"), ("r2", "y")):
        desk.admit(name, input={"a": account})
    assert desk.admit("r3", input={"a": "z"}).decision is Decision.GO


def test_limit_makes_a_run_wait_that_skips_only_held_sessions() -> None:
    """`concurrency: skip` is about the session; for room one waits, once per session."""
    desk = Desk(session_key="{input.a}", session_concurrency="skip", parallel=1)
    desk.admit("r0", input={"a": "x"})
    assert desk.admit("r1", input={"a": "y"}).decision is Decision.WAIT
    answer = desk.admit("r2", input={"a": "y"})
    assert answer.decision is Decision.SKIP
    assert answer.reason == "r1 waits for session 'y' before it"
    desk.settle("r0")
    assert granted(desk) == ["r1"]


def test_limit_counts_neither_waiting_nor_joining_runs() -> None:
    """Only work takes room."""
    desk = Desk(session_key="{input.a}", dedupe_key="{input.k}", parallel=2)
    desk.admit("r0", input={"a": "x", "k": "1"})
    assert desk.admit("r1", input={"a": "y", "k": "1"}).decision is Decision.JOIN
    assert desk.admit("r2", input={"a": "x", "k": "2"}).decision is Decision.WAIT
    assert desk.admit("r3", input={"a": "z", "k": "3"}).decision is Decision.GO


def test_limit_lowered_lets_runs_finish_and_nobody_in() -> None:
    """The new limit holds for who comes after; raised again, all who fit go at once."""
    desk = Desk(session_concurrency="parallel", parallel=3)
    for n in range(6):
        desk.admit(f"r{n}")
    desk.declare(session_concurrency="parallel", parallel=1)
    desk.settle("r0")
    desk.settle("r1")
    assert granted(desk) == []
    assert desk.entry("r2").status is RunStatus.RUNNING
    desk.declare(session_concurrency="parallel")
    assert granted(desk) == ["r3", "r4", "r5"]


def test_limit_does_not_keep_retired_runs_waiting() -> None:
    """All in the queues are turned away at once, whoever is at work."""
    desk = Desk(session_key="{input.a}", parallel=1)
    for name, account in (("r0", "x"), ("r1", "y"), ("r2", "x")):
        desk.admit(name, input={"a": account})
    desk.retire()
    turned_away = [desk.grant(), desk.grant()]
    assert [a.run for a in turned_away if a] == [run("r1"), run("r2")]
    assert {a.decision for a in turned_away if a} == {Decision.SKIP}
    assert desk.grant() is None
