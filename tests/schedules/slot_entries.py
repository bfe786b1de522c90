"""Ledger entries of slots, and their explanations, in a few words, for tests."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rota.expected.evidence import Evidence
from rota.expected.live import LiveSchedule
from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import RunStatus, Trigger
from schedules.explaining import Explanation, explain_slot
from schedules.slot_facts import SlotFacts
from tests.rota.keepers.desks import HOUR, T0, pinned, run

HOURLY = {"cron": "0 * * * *"}
IS_SLOT = "it is a slot of the schedule, as declared now (0 * * * *, UTC)"
SLOT = "2026-11-22T06:00:00Z"
NEXT = "2026-11-22T07:00:00Z"


def entry(name: str, slot: datetime | None = T0, **fields: Any) -> LedgerEntry:
    """A scheduled run of a slot that succeeded after two seconds, unless said otherwise."""
    at = slot or T0
    told: dict[str, Any] = {
        "run": run(name),
        "trigger": Trigger.SCHEDULE,
        "slot": slot,
        "status": RunStatus.SUCCEEDED,
        "admitted_at": at + timedelta(seconds=1),
        "settled_at": at + timedelta(seconds=3),
    }
    return LedgerEntry.model_validate({**told, **fields})


def explained(
    *entries: LedgerEntry, slot: datetime = T0, spec: dict[str, Any] | None = None, **fields: Any
) -> Explanation:
    """Explain `slot`, two hours after T0, of an hourly agent whose schedule is live."""
    declared = {"schedule": HOURLY} if spec is None else spec
    state = KeeperState(spec=pinned(**declared)) if spec != {"none": True} else KeeperState()
    state = state.model_copy(update=fields.pop("state", {}))
    now = fields.pop("now", T0 + 2 * HOUR)
    known: dict[str, Any] = {"live": LiveSchedule(), **fields}
    evidence = replace(Evidence.of("report", state, entries, now), **known)
    return explain_slot(SlotFacts("report", slot, now, state, evidence))


def texts(explanation: Explanation) -> list[str]:
    """The chain without the link that says whether it is a slot."""
    first, *rest = explanation.chain
    assert first.kind == "slot"
    return [reason.text for reason in rest]
