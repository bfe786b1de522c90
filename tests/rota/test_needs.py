"""What a keeper answers to runs that need its slots, one rule at a time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from rota import keeper, needs, orders, settling
from rota.keeper_state import KeeperState, LedgerEntry
from rota.ledger import paged
from rota.runs import RunStatus, Trigger
from rota.schedule_spec import ScheduleSpec
from rota.upstream import NeedAnswer, NeedRequest, UpstreamState
from tests.rota.desks import HOUR, T0, Desk, run

HOURLY = ScheduleSpec.model_validate({"cron": "0 * * * *"})
TICK = timedelta(seconds=1)
RERUN = "report-rerun-2026-11-22T06:00:00Z-1"


class Need(Desk):
    """A keeper's desk with a counter for runs of other agents."""

    def ask(self, waiter: str = "mail", slot: datetime = T0, **request: Any) -> NeedAnswer:
        """A run needs the slot of its own time."""
        asked = {"waiter": run(waiter), "slot": slot, "within_seconds": 3600.0, **request}
        self.state, answer = needs.ask(self.state, NeedRequest.model_validate(asked), self.now)
        return answer

    def told(self) -> list[tuple[str, UpstreamState]]:
        """Who is told what, now."""
        self.state, answers = needs.due_answers(self.state)
        return [(answer.waiter.id, answer.state) for answer in answers]

    def enter(self, name: str, status: RunStatus, **fields: Any) -> None:
        """Write into the ledger whatever a run may have come to."""
        made = {"run": run(name), "trigger": "schedule", "slot": T0, "admitted_at": self.now}
        entry = LedgerEntry.model_validate({**made, "status": status, **fields})
        ledger = {**self.state.ledger, entry.key: entry}
        self.state = self.state.model_copy(update={"ledger": ledger})

    def started(self, run_id: str) -> None:
        """The run of an order is admitted."""
        self.admit(run_id, T0, trigger=Trigger.RERUN)


def hourly() -> Need:
    """The keeper of an agent with a slot every full hour."""
    return Need(schedule=HOURLY)


def unscheduled() -> Need:
    """The keeper of an agent without a schedule."""
    return Need()


def enters(*entries: tuple[str, RunStatus, dict[str, Any]]) -> Callable[[Need], None]:
    """Entries of the ledger, oldest first."""

    def write(desk: Need) -> None:
        for name, status, fields in entries:
            desk.enter(name, status, **fields)

    return write


def reruns(desk: Need) -> None:
    """r1 failed, and its re-run is at work."""
    desk.enter("r1", RunStatus.FAILED)
    desk.ask("other", rerun_of=run("r1").key)
    desk.started(RERUN)


def retires(desk: Need) -> None:
    """r1 failed, then the agent was retired."""
    desk.enter("r1", RunStatus.FAILED)
    desk.state = orders.withdraw(keeper.retire(desk.state))


def pages(desk: Need) -> None:
    """r1 failed, long ago."""
    desk.enter("r1", RunStatus.FAILED)
    desk.state = paged(desk.state, [run("r1").key], "page")


OK, FAILED, SKIPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED
AT_WORK, QUEUED = RunStatus.RUNNING, RunStatus.QUEUED
EARLIER: dict[str, Any] = {"slot": T0 - HOUR}
LATER: dict[str, Any] = {"slot": T0 + HOUR}
MISSED: dict[str, Any] = {"coalesced_into": T0 + HOUR}
PASSED: dict[str, Any] = {"run": None, "coalesced_into": T0 + HOUR}
NO_SLOT: dict[str, Any] = {"slot": None}
SAME: dict[str, Any] = {"output": "o1"}

ROWS: list[tuple[str, Callable[[Need], None], dict[str, Any], str, str | None, str]] = [
    ("exactly the slot", enters(("r1", OK, {})), {}, "settled", "r1", ""),
    ("between two slots", enters(("r1", OK, {})), {"slot": T0 + HOUR / 2}, "settled", "r1", ""),
    (
        "only an older slot within",
        enters(("r1", OK, EARLIER)),
        {"within_seconds": 9000.0},
        "missing",
        None,
        "no run is known for 2026-11-22T06:00:00Z yet",
    ),
    (
        "slot just outside within",
        enters(("r1", OK, {})),
        {"slot": T0 + HOUR - TICK, "within_seconds": 3598.0},
        "missing",
        None,
        "it has no slot from 2026-11-22T06:00:01Z to 2026-11-22T06:59:59Z",
    ),
    ("a newer slot only", enters(("r1", OK, LATER)), {}, "missing", None, "no run is known"),
    ("at work", enters(("r1", AT_WORK, {})), {}, "pending", "r1", "r1 is running"),
    ("queued", enters(("r1", QUEUED, {})), {}, "pending", "r1", "r1 is queued"),
    (
        "failed",
        enters(("r1", FAILED, {"reason": "no data"})),
        {},
        "failed",
        "r1",
        "r1 is failed: no data",
    ),
    ("blocked", enters(("r1", RunStatus.BLOCKED, {})), {}, "failed", "r1", "r1 is blocked"),
    ("cancelled", enters(("r1", RunStatus.CANCELLED, {})), {}, "failed", "r1", "r1 is cancelled"),
    ("timed out", enters(("r1", RunStatus.TIMED_OUT, {})), {}, "failed", "r1", "r1 is timed_out"),
    (
        "failed, then at work by hand",
        enters(("r1", FAILED, {}), ("r2", AT_WORK, {"trigger": "manual"})),
        {},
        "pending",
        "r2",
        "r2 is running",
    ),
    (
        "failed twice",
        enters(("r1", FAILED, {}), ("r2", FAILED, {})),
        {},
        "failed",
        "r2",
        "r2 is failed",
    ),
    (
        "succeeded, then failed",
        enters(("r1", OK, {}), ("r2", FAILED, {})),
        {},
        "settled",
        "r1",
        "",
    ),
    (
        "failed, then turned away",
        enters(("r1", FAILED, {}), ("r2", SKIPPED, {"reason": "slot already running as r1"})),
        {},
        "failed",
        "r1",
        "r1 is failed",
    ),
    (
        "missed, coalesced, newer one done",
        enters(("r1", SKIPPED, MISSED), ("r2", OK, LATER)),
        {},
        "settled",
        "r2",
        "",
    ),
    (
        "missed, coalesced, newer one to come",
        enters(("r1", SKIPPED, MISSED)),
        {},
        "missing",
        None,
        "no run is known for 2026-11-22T07:00:00Z yet",
    ),
    (
        "passed over for one at work",
        enters(("-", SKIPPED, PASSED), ("r2", AT_WORK, LATER)),
        {},
        "pending",
        "r2",
        "r2 is running",
    ),
    (
        "missed, coalesced, run by hand all the same",
        enters(("r1", SKIPPED, MISSED), ("r2", OK, {}), ("r3", FAILED, LATER)),
        {},
        "settled",
        "r2",
        "",
    ),
    (
        "skipped without replacement",
        enters(("r1", SKIPPED, {"reason": "missed: too late"})),
        {},
        "failed",
        "r1",
        "r1 is skipped: missed: too late",
    ),
    ("skipped with another's result", enters(("r1", SKIPPED, SAME)), {}, "settled", "r1", ""),
    (
        "done in a handoff alone",
        enters(("r1", OK, {"trigger": "handoff"})),
        {},
        "missing",
        None,
        "no run is known",
    ),
    ("failed, its re-run at work", reruns, {}, "pending", RERUN, f"{RERUN} is running"),
    ("retired after a failure", retires, {}, "failed", "r1", "r1 is failed"),
    (
        "retired, asked to run again",
        retires,
        {"rerun_of": run("r1").key},
        "failed",
        "r1",
        "r1 is failed",
    ),
    (
        "retired, never run",
        retires,
        {"slot": T0 + HOUR},
        "missing",
        None,
        "no run is known for 2026-11-22T07:00:00Z yet; it is not declared any more",
    ),
    ("on a page", pages, {}, "failed", None, "what became of 2026-11-22T06:00:00Z lies on a page"),
]


@pytest.mark.parametrize(
    ("ledger", "request_fields", "state", "found", "reason"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_need_of_a_scheduled_agent(
    ledger: Callable[[Need], None],
    request_fields: dict[str, Any],
    state: str,
    found: str | None,
    reason: str,
) -> None:
    """The slot decides, whenever its runs came; the answer names run and reason."""
    desk = hourly()
    ledger(desk)
    answer = desk.ask(**request_fields)
    assert answer.state == state
    assert (answer.found.run.id if answer.found else None) == found
    assert answer.reason.startswith(reason)
    assert bool(answer.reason) == (state != "settled")


@pytest.mark.parametrize(
    ("ledger", "state", "found"),
    [
        (enters(("r1", OK, {}), ("r2", OK, EARLIER)), "settled", "r1"),
        (enters(("r1", OK, EARLIER)), "settled", "r1"),
        (enters(("r1", OK, NO_SLOT)), "settled", "r1"),
        (enters(("r1", OK, LATER)), "missing", None),
        (enters(("r1", OK, {"slot": T0 - HOUR - TICK})), "missing", None),
        (enters(("r1", OK, EARLIER), ("r2", FAILED, {})), "failed", "r2"),
        (enters(("r1", OK, EARLIER), ("r2", SKIPPED, {})), "settled", "r1"),
        (enters(("r1", SKIPPED, {})), "failed", "r1"),
        (enters(("r1", OK, {"trigger": "handoff"})), "settled", "r1"),
        (enters(("r1", OK, {"slot": None, "admitted_at": T0 - TICK / 2})), "settled", "r1"),
        (enters(), "missing", None),
    ],
)
def test_need_of_an_agent_without_schedule_is_its_newest_run_in_the_window(
    ledger: Callable[[Need], None], state: str, found: str | None
) -> None:
    """By slot, else by the time of admission; runs that were turned away do not count."""
    desk = unscheduled()
    ledger(desk)
    answer = desk.ask()
    assert (answer.state, answer.found and answer.found.run.id) == (state, found)


def test_need_of_a_keeper_without_declaration_is_an_error() -> None:
    """A keeper that never had a declaration does not know of what it is asked."""
    desk = hourly()
    desk.state = KeeperState()
    with pytest.raises(keeper.UnknownAgentError):
        desk.ask()


def test_answer_carries_the_newest_success_and_the_output_found() -> None:
    """`use_last` needs no second question; the asker learns slot and digest."""
    desk = hourly()
    desk.admit("r1", T0 - HOUR)
    desk.settle("r1", output="old")
    missing = desk.ask()
    desk.admit("r2", T0)
    desk.settle("r2", output="new")
    settled = desk.ask()
    assert missing.last is not None
    assert (missing.last.run, missing.last.slot) == (run("r1"), T0 - HOUR)
    assert missing.last.output == "old"
    assert settled.found is not None
    assert (settled.found.slot, settled.found.output, settled.slot) == (T0, "new", T0)
    assert settled.upstream == "report"


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
    desk.enter("r1", SKIPPED, **MISSED)
    desk.enter("r2", OK, slot=T0 - HOUR)
    desk.enter("r3", FAILED, slot=T0 - 2 * HOUR)
    assert needs.kept_entries(desk.state) == frozenset()
    desk.ask()
    desk.state = orders.request_rerun(desk.state, T0 - 2 * HOUR)
    assert needs.kept_entries(desk.state) == {run("r1").key, run("r3").key}
