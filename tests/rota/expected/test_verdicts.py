"""The verdict of a slot, one state at a time: what is known, and what follows from it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rota.expected.evidence import Evidence, Fired, Outage
from rota.expected.in_force import Chronicle, Toggle, declared
from rota.expected.live import LiveSchedule, ServerTimes
from rota.expected.missed import TooManySlotsError, account_of
from rota.expected.slot_state import SlotState
from rota.expected.verdicts import verdict_of
from rota.keepers.freeze import Freeze, PastFreeze
from rota.keepers.run_orders import RunOrder
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus, Trigger
from tests.rota.expected.known import NOW, evidence
from tests.rota.keepers.desks import HOUR, T0, pinned, run
from tests.schedules.slot_entries import entry

SLOT = T0 + 2 * HOUR
MINUTE = timedelta(minutes=1)
WORKED = entry("r0", T0)
OPEN = entry("r0", T0, status=RunStatus.RUNNING, settled_at=None)


def skipped(**fields: Any) -> LedgerEntry:
    """A run that was turned away."""
    return entry("r2", SLOT, **{"status": RunStatus.SKIPPED, "reason": "no", **fields})


FREEZE = PastFreeze(freeze=Freeze(reason="close", by="ann", at=SLOT - MINUTE), ended=SLOT + MINUTE)
ORDER = RunOrder(run_id="b1", slot=SLOT, trigger=Trigger.BACKFILL)
PAUSE = Toggle(at=SLOT - MINUTE, paused=True, note="bank")
BY_HAND = LiveSchedule(paused=True, note="audit", changed=SLOT - MINUTE)
FIRES = ServerTimes(since=T0 + HOUR, until=NOW, times=(T0 + HOUR, T0 + 3 * HOUR))
CHANGED = LiveSchedule(differs=("schedule.every is 2h, not 1h",), fires=FIRES)
GONE = Fired(run="r2", at=SLOT, ended=SLOT + MINUTE, how="terminated")


@pytest.mark.parametrize(
    ("known", "state", "said"),
    [
        pytest.param(evidence(WORKED, entry("r2", SLOT)), "succeeded", "", id="succeeded"),
        pytest.param(
            evidence(skipped(), entry("b2", SLOT, trigger=Trigger.BACKFILL)),
            "succeeded",
            "",
            id="made up for by a backfill",
        ),
        pytest.param(
            evidence(skipped(same_as=run("r1"), output="d", reason="already done by r1")),
            "succeeded",
            "already done by r1",
            id="done by another with its key",
        ),
        pytest.param(
            evidence(entry("r2", SLOT, status=RunStatus.TIMED_OUT, reason="late")),
            "failed",
            "timed out: late",
            id="out of time",
        ),
        pytest.param(evidence(skipped()), "skipped", "no", id="turned away"),
        pytest.param(
            evidence(entry("h", SLOT, trigger=Trigger.HANDOFF)),
            "unknown",
            "nothing tells why",
            id="a handoff settles no slot",
        ),
        pytest.param(evidence(skipped(frozen=True)), "frozen", "no", id="frozen"),
        pytest.param(
            evidence(WORKED, freezes=(FREEZE,)), "frozen", "frozen by ann: close", id="frozen, mute"
        ),
        pytest.param(evidence(WORKED, orders=(ORDER,)), "running", "b1 was ordered", id="ordered"),
        pytest.param(evidence(WORKED, toggles=[PAUSE]), "paused", "(bank)", id="paused"),
        pytest.param(evidence(WORKED, live=BY_HAND), "paused", "(audit)", id="paused in the UI"),
        pytest.param(evidence(OPEN), "overlap", "and still is", id="overlap"),
        pytest.param(evidence(OPEN, overlap="allow"), "unknown", "", id="overlap allowed"),
        pytest.param(
            evidence(OPEN, overlap="queue_all"), "held_back", "until r0 has ended", id="queued"
        ),
        pytest.param(
            evidence(OPEN, overlap="queue_one"),
            "overlap",
            "and still is",
            id="second in a queue of one",
        ),
        pytest.param(
            evidence(WORKED, outages=(Outage(since=T0 + HOUR, until=SLOT + MINUTE),)),
            "server_down",
            "nothing was started from 2026-11-22T07:00:00Z to 2026-11-22T08:01:00Z",
            id="a known outage",
        ),
        pytest.param(
            evidence(WORKED, outages=(Outage(since=T0 + HOUR, until=SLOT + 11 * MINUTE),)),
            "outside_window",
            "older than the catch-up window of 10m",
            id="a long outage",
        ),
        pytest.param(
            evidence(WORKED, live=LiveSchedule(too_old=5)),
            "outside_window",
            "the server has dropped 5 slots as older",
            id="counted by the server",
        ),
        pytest.param(
            evidence(WORKED, live=LiveSchedule(too_old=3)),
            "unknown",
            "dropped 3 slots",
            id="fewer counted than are missing",
        ),
        pytest.param(
            evidence(WORKED, live=CHANGED),
            "no_schedule",
            "not the declared one: schedule.every is 2h, not 1h",
            id="changed by hand",
        ),
        pytest.param(
            evidence(WORKED, live=CHANGED.model_copy(update={"fires": None})),
            "unknown",
            "not the declared one: schedule.every is 2h, not 1h",
            id="changed by hand, the server does not tell since when",
        ),
        pytest.param(
            evidence(WORKED, live=LiveSchedule(paused=True)),
            "unknown",
            "it is paused now, and nobody has told since when",
            id="paused, nobody knows since when",
        ),
        pytest.param(evidence(WORKED, live=None), "no_schedule", "'rota apply'", id="no schedule"),
        pytest.param(
            evidence(WORKED, live=LiveSchedule(created=SLOT + MINUTE)),
            "no_schedule",
            "was made later, at 2026-11-22T08:01:00Z",
            id="made after the slot",
        ),
        pytest.param(
            evidence(WORKED, fired={SLOT: Fired(run="r2", at=SLOT)}),
            "unadmitted",
            "not been admitted yet",
            id="no worker",
        ),
        pytest.param(
            evidence(WORKED, fired={SLOT: GONE}), "unadmitted", "terminated before", id="lost"
        ),
        pytest.param(evidence(WORKED), "unknown", "nothing tells why", id="nothing known"),
        pytest.param(
            evidence(WORKED, unread="no store", unread_until=SLOT),
            "unknown",
            "no store",
            id="unread",
        ),
    ],
)
def test_verdict_of_a_slot_by_what_is_known(known: Evidence, state: str, said: str) -> None:
    """Each state has its evidence; nothing else leads to it."""
    verdict = verdict_of(known, SLOT, NOW)
    assert (verdict.state.value, verdict.version) == (state, "d")
    assert said in verdict.reason


@pytest.mark.parametrize(
    ("slot", "state"),
    [
        (NOW + HOUR, SlotState.NOT_DUE),
        (NOW, SlotState.NOT_DUE),
        (SLOT + MINUTE, SlotState.NOT_EXPECTED),
        (T0 - HOUR, SlotState.UNKNOWN),
        (T0 - 2 * HOUR, SlotState.UNKNOWN),
    ],
)
def test_verdict_beyond_the_known_slots(slot: Any, state: SlotState) -> None:
    """Before its time, between two, or before all that is remembered."""
    assert verdict_of(evidence(WORKED), slot, NOW).state is state


def test_first_slot_behind_a_run_is_held_in_a_queue_of_one() -> None:
    """The server keeps one, and drops those after it."""
    verdict = verdict_of(evidence(OPEN, overlap="queue_one"), T0 + HOUR, NOW)
    assert verdict.state is SlotState.HELD_BACK
    assert not verdict.is_missed


def test_account_of_too_many_slots_says_how_to_ask_for_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A schedule of every second is not judged for a year."""
    monkeypatch.setattr("rota.expected.missed.MOST_SLOTS", 1000)
    chronicle = declared(Chronicle(), pinned(schedule={"every": "1s"}), T0 - 48 * HOUR)
    known = replace(evidence(WORKED), chronicle=chronicle)
    with pytest.raises(TooManySlotsError, match="ask for a shorter time with --since"):
        account_of(known, T0 - 48 * HOUR, NOW)
