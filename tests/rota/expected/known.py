"""What is known of an hourly agent, in a few words, for tests of verdicts."""

from dataclasses import replace
from typing import Any

from rota.expected.evidence import Evidence
from rota.expected.in_force import Chronicle, declared, toggled
from rota.expected.live import LiveSchedule
from rota.keepers.state import KeeperState, LedgerEntry
from tests.rota.keepers.desks import HOUR, T0, pinned
from tests.schedules.slot_entries import HOURLY

NOW = T0 + 5 * HOUR


def evidence(*entries: LedgerEntry, overlap: str = "skip", **known: Any) -> Evidence:
    """What is known of an hourly agent that was declared an hour before T0."""
    spec = pinned(schedule={**HOURLY, "overlap": overlap})
    chronicle = declared(Chronicle(), spec, T0 - HOUR)
    for toggle in known.pop("toggles", ()):
        chronicle = toggled(chronicle, toggle)
    state = KeeperState(spec=spec, in_force=chronicle, orders=known.pop("orders", ()))
    told = Evidence.of("report", state, entries, NOW)
    return replace(told, **{"live": LiveSchedule(), **known})
