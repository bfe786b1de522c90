"""What a keeper answers to runs that need its slots: tables of ledger and answer."""

from collections.abc import Callable
from typing import Any

import pytest

from rota.coordination.spec import NeedSpec
from rota.keepers import orders
from rota.keepers import rules as keeper
from rota.keepers.ledger import paged
from rota.keepers.state import KeeperState
from rota.language.durations import LONGEST_SECONDS
from rota.runs import RunStatus
from tests.rota.keepers.desks import HOUR, T0, run
from tests.rota.keepers.need_desks import RERUN, TICK, Need, hourly, unscheduled


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


def remembers(desk: Need) -> None:
    """r1 succeeded, long ago, and nothing has since."""
    desk.admit("r1", T0)
    desk.settle("r1")
    desk.state = paged(desk.state, [run("r1").key], "page")


OK, FAILED, SKIPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED
AT_WORK, QUEUED = RunStatus.RUNNING, RunStatus.QUEUED
EARLIER: dict[str, Any] = {"slot": T0 - HOUR}
LATER: dict[str, Any] = {"slot": T0 + HOUR}
MISSED: dict[str, Any] = {"coalesced_into": T0 + HOUR}
PASSED: dict[str, Any] = {"run": None, "coalesced_into": T0 + HOUR}
NO_SLOT: dict[str, Any] = {"slot": None}
SAME: dict[str, Any] = {"output": "o1"}
OWN: dict[str, Any] = {"own_input": True, "cause": "started by r0"}

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
    ("succeeded twice", enters(("r1", OK, {}), ("r2", OK, {})), {}, "settled", "r2", ""),
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
    (
        "retired after a failure",
        retires,
        {},
        "failed",
        None,
        "r1 is failed; it is not declared any more",
    ),
    (
        "retired, asked to run again",
        retires,
        {"rerun_of": run("r1").key},
        "failed",
        None,
        "r1 is failed; it is not declared any more",
    ),
    (
        "retired, never run",
        retires,
        {"slot": T0 + HOUR},
        "failed",
        None,
        "no run is known for 2026-11-22T07:00:00Z yet; it is not declared any more",
    ),
    (
        "retired, with no slot in the window",
        retires,
        {"slot": T0 + HOUR - TICK, "within_seconds": 60.0},
        "failed",
        None,
        "it has no slot from",
    ),
    ("given input, as declared again", enters(("r1", FAILED, OWN)), {}, "failed", "r1", "r1 is"),
    ("newest success, on a page", remembers, {}, "settled", "r1", ""),
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


@pytest.mark.parametrize("seconds", [0.0, float(LONGEST_SECONDS)])
def test_need_takes_every_window_that_can_be_declared(seconds: float) -> None:
    """From the very slot alone to a hundred years: both find the slot of the same time."""
    desk = hourly()
    desk.enter("r1", OK)
    within = NeedSpec.model_validate({"agent": "report", "within": f"{seconds:.0f}s"}).within
    assert desk.ask(within_seconds=within.total_seconds()).state == "settled"


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
