"""With which conversation a run of a session begins, and which one it leaves."""

from datetime import datetime

import pytest

from rota.agent_spec import Continuing, SessionConcurrency
from rota.keepers.admission import ConversationRef
from rota.keepers.conversations import forget
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk


def same(**spec: object) -> Desk:
    """A keeper whose sessions continue."""
    return Desk(continuing=Continuing.SAME, **spec)


def led(head: str, tokens: int = 10) -> ConversationRef:
    """A conversation as a run left it."""
    return ConversationRef(head=head, tokens=tokens)


def work(desk: Desk, name: str, slot: datetime | None = None, **request: object) -> str | None:
    """Admit a run, have it add its name to the conversation, and say what it began with."""
    desk.at(max(desk.now, slot or desk.now))
    began = desk.admit(name, slot, **request).conversation
    head = f"{began.head}+{name}" if began else name
    desk.settle(name, conversation=led(head))
    return began.head if began else None


def test_run_goes_on_from_the_last_success() -> None:
    """The first begins with nothing, each later one with what the one before left."""
    desk = same()
    assert [work(desk, name) for name in ("a", "b", "c")] == [None, "a", "a+b"]


@pytest.mark.parametrize(
    "status", [RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT, RunStatus.BLOCKED]
)
def test_run_that_did_not_succeed_leaves_the_conversation_as_it_was(status: RunStatus) -> None:
    """Whatever it reports: only a success is gone on from."""
    desk = same()
    work(desk, "a")
    desk.admit("b")
    desk.settle("b", status, conversation=led("a+b"))
    assert work(desk, "c") == "a"


def test_success_without_a_conversation_leaves_it_as_it_was() -> None:
    """A run that handed its work over has nothing to go on from."""
    desk = same()
    work(desk, "a")
    desk.admit("b")
    desk.settle("b")
    assert work(desk, "c") == "a"


def test_rerun_of_the_newest_slot_begins_where_that_slot_began() -> None:
    """Its answer takes the place of the other: nothing is said twice, however often."""
    desk = same()
    work(desk, "a", T0)
    work(desk, "b", T0 + HOUR)
    for name in ("b2", "b3"):
        assert work(desk, name, T0 + HOUR, trigger=Trigger.RERUN) == "a"
    assert work(desk, "c", T0 + 2 * HOUR) == "a+b3"


def test_rerun_of_the_first_slot_begins_with_nothing() -> None:
    """There was nothing before it."""
    desk = same()
    work(desk, "a", T0)
    assert work(desk, "a2", T0, trigger=Trigger.RERUN) is None
    assert work(desk, "b", T0 + HOUR) == "a2"


def test_rerun_of_an_older_slot_goes_on_from_the_newest() -> None:
    """What came after it cannot be taken back."""
    desk = same()
    work(desk, "a", T0)
    work(desk, "b", T0 + HOUR)
    assert work(desk, "a2", T0, trigger=Trigger.RERUN) == "a+b"


def test_conversation_never_holds_more_than_one_before_it() -> None:
    """The keeper's state does not grow with the conversation."""
    desk = same()
    for hour in range(5):
        work(desk, f"r{hour}", T0 + hour * HOUR)
    kept = desk.session().conversation
    assert kept is not None
    assert kept.before is not None
    assert kept.before.before is None


def test_parallel_runs_the_last_to_report_wins() -> None:
    """Conversations are not merged: what the other said goes no further."""
    desk = same(session_concurrency=SessionConcurrency.PARALLEL)
    work(desk, "a")
    for name in ("b", "c"):
        began = desk.admit(name).conversation
        assert began is not None
        assert began.head == "a"
    desk.settle("c", conversation=led("a+c"))
    desk.settle("b", conversation=led("a+b"))
    assert work(desk, "d") == "a+b"


def test_report_that_comes_again_changes_nothing() -> None:
    """Settling twice is settling once."""
    desk = same()
    work(desk, "a")
    work(desk, "b")
    desk.settle("a", conversation=led("something else"))
    assert work(desk, "c") == "a+b"


def test_agent_that_does_not_continue_begins_anew_and_keeps_what_there_was() -> None:
    """A declaration may be changed there and back."""
    desk = same()
    work(desk, "a")
    desk.declare()
    assert desk.admit("b").conversation is None
    desk.settle("b")
    desk.declare(continuing=Continuing.SAME)
    assert work(desk, "c") == "a"


def test_forget_takes_the_conversation_and_leaves_the_memory() -> None:
    """The next run begins with an empty conversation, and remembers what it stored."""
    desk = same()
    work(desk, "a")
    desk.change_memory(None, "m1")
    desk.state, known = forget(desk.state, "default")
    desk.state, again = forget(desk.state, "default")
    admission = desk.admit("b")
    assert (known, again) == (True, False)
    assert (admission.conversation, admission.memory) == (None, "m1")


def test_forget_drops_a_session_with_nothing_left() -> None:
    """A session of which nothing remains is not kept."""
    desk = same()
    work(desk, "a")
    desk.state, _ = forget(desk.state, "default")
    assert desk.state.sessions == {}
