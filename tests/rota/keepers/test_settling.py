"""What a settlement, a reclaim and a person's change of memory do to the keeper's state."""

from rota.agent_spec import SessionConcurrency
from rota.coordination.upstream import UpstreamRun, UpstreamState
from rota.failures import FailureCategory
from rota.keepers import settling
from rota.keepers.admission import Unstopped
from rota.keepers.state import MOST_UNSTOPPED, RECENT_EVENTS
from rota.runs import EventRecord, RunStatus, Trigger
from rota.usage import Usage
from tests.rota.keepers.desks import HOUR, T0, Desk, run
from tests.rota.keepers.need_desks import hourly


def test_settle_records_everything_and_frees_the_session() -> None:
    """The ledger entry holds what the run reported."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.at(T0 + HOUR).settle(
        "r1",
        RunStatus.FAILED,
        reason="why",
        category=FailureCategory.REFUSED,
        turns=3,
        tool_calls=2,
        usage=Usage(input_tokens=5, cost_micros=None),
        output="o",
    )
    entry = desk.entry("r1")
    assert (entry.status, entry.reason, entry.category) == ("failed", "why", "refused")
    assert (entry.turns, entry.tool_calls, entry.usage.cost_micros) == (3, 2, None)
    assert (entry.admitted_at, entry.settled_at) == (T0, T0 + HOUR)
    assert desk.session().holder is None
    assert desk.session().last_slot is None


def test_settle_while_waiting_leaves_the_queue() -> None:
    """A run that is cancelled while it waits is never granted anything."""
    desk = Desk()
    for name in ("r1", "r2", "r3"):
        desk.admit(name)
    desk.settle("r2", RunStatus.CANCELLED)
    desk.settle("r1")
    granted = desk.grant()
    assert granted is not None
    assert granted.run == run("r3")


def test_settle_unknown_run_is_harmless() -> None:
    """A run that was never admitted changes nothing but that it has ended."""
    desk = Desk()
    before = desk.state
    desk.settle("nobody", memory="m9")
    ended = before.account.model_copy(update={"ended": (run("nobody").key,)})
    assert desk.state == before.model_copy(update={"account": ended})


def test_settle_on_a_stale_memory_is_a_conflict_that_records_nothing() -> None:
    """The report is refused whole; repeated on the new head it is recorded whole."""
    desk = Desk()
    desk.admit("r1")
    desk.change_memory(None, "by hand")
    refused = desk.settle("r1", base_memory=None, memory="m1")
    assert (refused.conflict, refused.memory) == (True, "by hand")
    assert desk.entry("r1").status is RunStatus.RUNNING
    assert desk.session().holder == run("r1")
    assert not desk.settle("r1", base_memory="by hand", memory="m2").conflict
    assert desk.session().memory == "m2"


def test_change_memory_on_a_stale_base_is_refused() -> None:
    """A person's change never overwrites what they have not seen."""
    desk = Desk()
    desk.change_memory(None, "m1")
    refused = desk.change_memory(None, "m2")
    assert (refused.conflict, refused.memory) == (True, "m1")
    assert desk.session().memory == "m1"


def test_settle_events_are_recorded_once_and_bounded() -> None:
    """An event is known by its id; the oldest make room."""
    desk = Desk(session_concurrency=SessionConcurrency.PARALLEL)
    for n in range(RECENT_EVENTS + 5):
        desk.admit(f"r{n}")
        event = EventRecord(id=f"e{n // 2}", name="done", at=T0)
        desk.settle(f"r{n}", events=(event,))
    ids = [event.id for event in desk.state.events]
    assert ids == [f"e{n}" for n in range((RECENT_EVENTS + 5 + 1) // 2)]


def test_reclaim_holder_frees_the_session_for_the_next() -> None:
    """A holder that is gone is recorded as failed, and the next one goes on."""
    desk = Desk()
    desk.admit("r1")
    desk.admit("r2")
    desk.state = settling.reclaim(desk.state, run("r1"), T0)
    assert desk.entry("r1").reason == "the run was gone: lease reclaimed"
    granted = desk.grant()
    assert granted is not None
    assert granted.run == run("r2")


def test_reclaim_waiter_leaves_the_holder_alone() -> None:
    """A waiter that is gone is taken out of the queue, no more."""
    desk = Desk()
    desk.admit("r1")
    desk.admit("r2")
    desk.state = settling.reclaim(desk.state, run("r2"), T0)
    assert desk.session().queue == ()
    assert desk.session().holder == run("r1")


def test_reclaim_settled_run_keeps_its_end() -> None:
    """A run that settled in time is not declared dead afterwards."""
    desk = Desk()
    desk.admit("r1")
    desk.settle("r1")
    before = desk.state
    assert settling.reclaim(desk.state, run("r1"), T0) == before


def test_settle_repeated_tells_the_end_that_was_recorded() -> None:
    """Whatever a later report says, the run learns the ledger's own word."""
    desk = Desk()
    desk.admit("a")
    first = desk.settle("a")
    again = desk.settle("a", RunStatus.CANCELLED, reason="cancelled by request")
    assert first.status is RunStatus.SUCCEEDED
    assert (again.status, again.reason) == (RunStatus.SUCCEEDED, "")


def test_settle_of_an_unknown_run_tells_no_end() -> None:
    """The keeper does not vouch for a run it never admitted."""
    assert Desk().settle("nobody").status is None


def test_session_without_content_is_forgotten_when_its_run_ends() -> None:
    """A key per event does not grow the keeper's state for ever."""
    desk = Desk(session_key="{input.pr}")
    for number in range(20):
        desk.admit(f"r{number}", input={"pr": number})
        desk.settle(f"r{number}")
    assert desk.state.sessions == {}


def test_last_success_is_the_newest_slot_of_any_session() -> None:
    """A backfill of an older slot, a failure or a run of no slot does not replace it."""
    hourly = {"every": "1h"}
    desk = Desk(session_concurrency="parallel", session_key="{input.a|x}", schedule=hourly)
    desk.admit("r1", T0 + HOUR, input={"a": "y"})
    desk.settle("r1", output="o1")
    desk.admit("r2", T0 + 2 * HOUR)
    desk.settle("r2", RunStatus.FAILED)
    desk.admit("older", T0, trigger=Trigger.MANUAL)
    desk.settle("older", output="o0")
    desk.admit("by-hand")
    desk.settle("by-hand", output="oh")
    assert desk.state.last_success == UpstreamRun(run=run("r1"), slot=T0 + HOUR, output="o1")
    desk.admit("again", T0 + HOUR, trigger=Trigger.MANUAL)
    desk.settle("again", output="o2")
    assert desk.state.last_success == UpstreamRun(run=run("again"), slot=T0 + HOUR, output="o2")


def test_success_of_a_handoff_is_none_of_the_schedule() -> None:
    """Who needs the slot, or uses the last result there is, gets what was done as declared."""
    desk = hourly()
    desk.admit("called", T0, trigger=Trigger.HANDOFF)
    desk.settle("called", output="of what the caller gave it")
    assert (desk.state.last_success, desk.ask().state) == (None, UpstreamState.MISSING)


def test_last_success_without_a_schedule_is_the_newest_to_succeed() -> None:
    """Runs of events have no slot, and a slot once given by hand does not outlast them."""
    desk = Desk(session_concurrency="parallel")
    desk.admit("r1", T0, trigger=Trigger.MANUAL)
    desk.settle("r1", output="o1")
    desk.admit("event", trigger=Trigger.EVENT)
    desk.settle("event", output="o2")
    assert desk.state.last_success == UpstreamRun(run=run("event"), output="o2")


def unstopped(name: str) -> Unstopped:
    """Work that may still go on for that run."""
    return Unstopped(run=run(name), runtime="double", session="s1", at=T0)


def test_settle_remembers_unstopped_work_once_until_it_is_known_to_have_stopped() -> None:
    """A report that comes again adds nothing; a run that was never admitted counts too."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.settle("r1", RunStatus.CANCELLED, unstopped=unstopped("r1"))
    desk.settle("r1", RunStatus.CANCELLED, unstopped=unstopped("r1"))
    desk.settle("stray", RunStatus.CANCELLED, unstopped=unstopped("stray"))
    assert [work.run.id for work in desk.state.unstopped] == ["r1", "stray"]
    state, known = settling.stopped(desk.state, run("r1").key)
    assert known
    assert [work.run.id for work in state.unstopped] == ["stray"]
    assert settling.stopped(state, run("r1").key) == (state, False)


def test_settle_keeps_the_newest_unstopped_work_only() -> None:
    """The keeper's state stays small whatever goes wrong."""
    desk = Desk()
    for number in range(MOST_UNSTOPPED + 3):
        desk.settle(f"r{number}", RunStatus.FAILED, unstopped=unstopped(f"r{number}"))
    assert len(desk.state.unstopped) == MOST_UNSTOPPED
    assert desk.state.unstopped[0].run.id == "r3"
