"""Runs that wait for another agent's slot: who is told what and when, who gets a re-run."""

from typing import Any

import pytest

from rota.coordination.lineage import Lineage
from rota.coordination.needing import NeedProgress, next_move
from rota.coordination.spec import NeedSpec
from rota.coordination.upstream import UpstreamState
from rota.keepers import needs, orders, settling
from rota.keepers import rules as keeper
from rota.runs import RunStatus, Trigger
from rota.schedule import slot_times
from rota.turns.loop import Finish
from tests.rota.keepers.desks import HOUR, T0, run
from tests.rota.keepers.need_desks import RERUN, TICK, hourly, unscheduled

OK, FAILED, SKIPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED


def test_two_askers_with_the_same_failed_run_get_one_rerun() -> None:
    """Single flight: the second shares the re-run that the first has ordered."""
    desk = hourly()
    desk.enter("r1", FAILED)
    answers = [desk.ask(waiter, rerun_of=run("r1").key) for waiter in ("a", "b", "a")]
    assert [order.run_id for order in desk.state.orders] == [RERUN]
    assert {answer.state for answer in answers} == {UpstreamState.PENDING}
    desk.started(RERUN)
    desk.state = orders.closed_orders(desk.state)
    assert desk.ask("c", rerun_of=run("r1").key).state is UpstreamState.PENDING
    desk.settle(RERUN)
    assert desk.told() == [
        ("b", UpstreamState.SETTLED),
        ("a", UpstreamState.SETTLED),
        ("c", UpstreamState.SETTLED),
    ]
    assert len(orders.closed_orders(desk.state).orders) == 0


def test_run_of_unknown_effect_is_run_again_by_a_person_alone() -> None:
    """No waiter has it repeated; a re-run that a person starts is waited for like any other."""
    desk = hourly()
    desk.enter("r1", FAILED, reason="it hung up", category="outcome_unknown")
    answer = desk.ask("a", rerun_of=run("r1").key)
    assert (answer.state, answer.found, desk.state.orders) == (UpstreamState.FAILED, None, ())
    assert answer.reason == (
        "r1 is failed: it hung up; its effect is unknown, so it is not repeated: look, then run it "
        "again with `rota rerun r1`"
    )
    desk.started("r1-rerun-1")
    assert desk.ask("b").state is UpstreamState.PENDING
    desk.settle("r1-rerun-1")
    assert desk.told() == [("b", UpstreamState.SETTLED)]


def test_asker_behind_the_times_learns_how_the_newer_run_failed() -> None:
    """Naming a run that is not the newest orders nothing: the newer failure comes back."""
    desk = hourly()
    desk.enter("r1", FAILED)
    desk.ask("a", rerun_of=run("r1").key)
    desk.started(RERUN)
    desk.settle(RERUN, FAILED)
    desk.state = orders.closed_orders(desk.state)
    assert desk.told() == [("a", UpstreamState.FAILED)]
    late = desk.ask("b", rerun_of=run("r1").key)
    assert late.found is not None
    assert (late.state, late.found.run.id) == (UpstreamState.FAILED, RERUN)
    assert desk.state.orders == ()
    again = desk.ask("b", rerun_of=run(RERUN).key)
    assert again.state is UpstreamState.PENDING
    assert again.reason == f"{RERUN[:-1]}2 was ordered"


def test_rerun_that_was_turned_away_counts_as_one() -> None:
    """Who asked for it learns that it is over, and may ask for another."""
    desk = hourly()
    desk.enter("r1", FAILED)
    desk.ask("a", rerun_of=run("r1").key)
    desk.enter(RERUN, SKIPPED, trigger=Trigger.RERUN, reason="session 'default' is held by r0")
    desk.state = orders.closed_orders(desk.state)
    assert desk.told() == [("a", UpstreamState.FAILED)]
    answer = desk.ask("a")
    assert answer.found is not None
    assert answer.found.run == run(RERUN)
    assert desk.ask("a", rerun_of=run(RERUN).key).state is UpstreamState.PENDING


def test_rerun_of_a_run_without_slot_works_for_the_time_it_was_admitted() -> None:
    """The re-run takes the place of the failed run, fraction of a second or not."""
    desk = unscheduled()
    desk.enter("r1", FAILED, slot=None, admitted_at=T0 - TICK / 2)
    desk.ask("a", rerun_of=run("r1").key)
    (order,) = desk.state.orders
    assert order.slot == T0 - TICK
    desk.admit(order.run_id, order.slot, trigger=Trigger.RERUN)
    desk.settle(order.run_id)
    assert desk.told() == [("a", UpstreamState.SETTLED)]


@pytest.mark.parametrize(
    "given", [{"input": {"order": 17}}, {"lineage": Lineage(root="r0", parent="r0")}]
)
def test_run_without_slot_that_was_given_something_is_not_run_again(given: dict[str, Any]) -> None:
    """No re-run with the declared input instead: the failure is final, and says how to mend it."""
    desk = unscheduled()
    desk.admit("r1", **given)
    desk.settle("r1", FAILED)
    answer = desk.ask("a", slot=T0 + TICK, rerun_of=run("r1").key)
    assert (answer.state, answer.found, desk.state.orders) == (UpstreamState.FAILED, None, ())
    assert (
        answer.reason == "r1 is failed; only who started it knows its input: start it there again"
    )


@pytest.mark.parametrize("failed", [True, False])
def test_watchers_of_a_retired_agent_are_told_something_final(failed: bool) -> None:
    """Neither a re-run that never began nor a slot yet to come keeps them till their deadline."""
    desk = hourly()
    asked: dict[str, Any] = {}
    if failed:
        desk.enter("r1", FAILED)
        asked = {"rerun_of": run("r1").key}
    assert desk.ask("a", **asked).state in (UpstreamState.PENDING, UpstreamState.MISSING)
    desk.state = orders.withdraw(keeper.retire(desk.state))
    desk.state, (word,) = needs.due_answers(desk.state)
    need = NeedSpec.model_validate({"agent": "report", "on_failure": {"rerun": 2}})
    waiting = NeedProgress(need=need, deadline=T0 + HOUR, reruns=1, rerun_of=run("r1").key)
    move = next_move(waiting.heard(word, T0), T0)
    assert isinstance(move, Finish)
    assert "it is not declared any more" in move.reason


def test_many_watchers_cost_a_calendar_search_each_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The keeper looks at all of them whenever it moves: in one workflow task, of two seconds."""
    desk = hourly()
    for number in range(300):
        desk.ask(f"w{number}", T0 + number * TICK)
    monkeypatch.delattr(slot_times, "next_times")
    assert desk.told() == []
    assert needs.awaited_runs(desk.state) == ()


def test_watcher_is_told_once_and_only_what_is_final() -> None:
    """Missing, then at work, then done: one word, the last."""
    desk = hourly()
    assert desk.ask().state is UpstreamState.MISSING
    assert desk.told() == []
    desk.admit("r1", T0)
    assert desk.told() == []
    assert needs.awaited_runs(desk.state) == (run("r1"),)
    desk.settle("r1")
    assert desk.told() == [("mail", UpstreamState.SETTLED)]
    assert desk.told() == []
    assert desk.state.watchers == ()


def test_watcher_of_a_run_that_is_gone_is_told_that_it_failed() -> None:
    """A terminated upstream does not leave its waiters behind."""
    desk = hourly()
    desk.admit("r1", T0)
    desk.ask()
    desk.state = settling.reclaim(desk.state, run("r1"), desk.now)
    assert desk.told() == [("mail", UpstreamState.FAILED)]


def test_asking_again_replaces_the_watcher_and_a_last_call_removes_it() -> None:
    """One place per waiter, whatever it asks; who waits no longer is not told."""
    desk = hourly()
    desk.ask("a")
    desk.ask("b")
    desk.ask("a", within_seconds=7200.0)
    assert [w.request.waiter.id for w in desk.state.watchers] == ["b", "a"]
    assert desk.ask("a", last_call=True).state is UpstreamState.MISSING
    desk.state = needs.forget(desk.state, run("b"))
    assert desk.state.watchers == ()


def test_each_waiter_is_told_of_its_own_slot() -> None:
    """Waiters for different slots do not get one another's answers."""
    desk = hourly()
    for waiter, slot in (("a", T0), ("b", T0 + HOUR), ("c", T0)):
        desk.ask(waiter, slot)
    desk.admit("r1", T0)
    desk.settle("r1")
    assert [who for who, _ in desk.told()] == ["a", "c"]


def test_entries_that_somebody_waits_for_are_kept_from_the_pages() -> None:
    """The chain from a missed slot to the newer one, and slots with orders, stay at hand."""
    desk = hourly()
    desk.enter("r1", SKIPPED, coalesced_into=T0 + HOUR)
    desk.enter("r2", OK, slot=T0 - HOUR)
    desk.enter("r3", FAILED, slot=T0 - 2 * HOUR)
    assert needs.kept_entries(desk.state) == frozenset()
    desk.ask()
    desk.state = orders.request_rerun(desk.state, T0 - 2 * HOUR)
    assert needs.kept_entries(desk.state) == {run("r1").key, run("r3").key}
