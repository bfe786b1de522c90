"""An agent's slots as the Watchdog's checks see them, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rota.expected.evidence import Evidence, Fired, Outage
from rota.expected.in_force import Chronicle, InForce
from rota.expected.live import LiveSchedule
from rota.keepers.state import LedgerEntry
from rota.pinned_spec import PinnedSpec
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.watchdog.alerts import Alert, Scope, carry_on
from rota.watchdog.missing import Slots
from rota.watchdog.slot_rules import Judged, judge_slots
from tests.rota.keepers.desks import T0, pinned

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def entry(
    slot: datetime,
    minutes: int = 0,
    status: RunStatus = RunStatus.RUNNING,
    *,
    ended: int | None = None,
    let_go: int | None = None,
    **said: Any,
) -> LedgerEntry:
    """The slot's run, admitted so many minutes after it, ended and let go so many after it."""
    presented = {
        "run": RunRef(id=f"report-{slot:%H%M}", key=f"k{slot:%d%H%M}"),
        "trigger": Trigger.SCHEDULE,
        "slot": slot,
        "status": status,
        "admitted_at": slot + minutes * MINUTE,
        "settled_at": None if ended is None else slot + ended * MINUTE,
        "let_go_at": None if let_go is None else slot + let_go * MINUTE,
    }
    return LedgerEntry.model_validate({**presented, **said})


def done(slot: datetime, minutes: int = 1, **said: Any) -> LedgerEntry:
    """A run of a slot that has succeeded after so many minutes."""
    return entry(slot, 0, RunStatus.SUCCEEDED, ended=minutes, **said)


@dataclass
class Checks:
    """Checks of one agent, each of which knows what the one before has told."""

    schedule: dict[str, Any] | None = field(default_factory=lambda: {"every": "1h"})
    spec: dict[str, Any] = field(default_factory=dict[str, Any])
    """What else it declares."""
    since: datetime = T0
    fresh: datetime | None = None
    unwatched: Outage | None = None
    alerts: list[Alert] = field(default_factory=list[Alert])
    known: Evidence | None = None

    def look(
        self, now: datetime, *entries: LedgerEntry, fired: Fired | None = None, **known: Any
    ) -> Judged:
        """What a check comes to."""
        declared = self.pinned.schedule
        came = InForce(since=T0 - HOUR, version="d", schedule=declared)
        evidence = Evidence(
            name="report",
            entries=entries,
            chronicle=Chronicle(declared=(came,)),
            schedule=declared,
            live=LiveSchedule(created=T0 - HOUR),
            fired={T0: fired} if fired else {},
        )
        slots = Slots(replace(evidence, **known), self.pinned, now, self.unwatched)
        return judge_slots(slots, self.since, fresh=self.fresh, known=self.alerts)

    def told(self, now: datetime, *entries: LedgerEntry, **known: Any) -> list[tuple[str, str]]:
        """What people are told by a check: `open`, or how it ended."""
        judged = self.look(now, *entries, **known)
        self.alerts, news = carry_on(self.alerts, judged.findings, Scope(["report"]), now)
        self.since = judged.decided_until
        return [
            (each.alert.kind.value, each.alert.ended if each.resolved else "open") for each in news
        ]

    @property
    def pinned(self) -> PinnedSpec:
        """The declaration in force."""
        fields = {"schedule": self.schedule, "schedule_id": "report", **self.spec}
        return pinned(**{key: value for key, value in fields.items() if value is not None})


def all_told(checks: Checks, seen: Sequence[tuple[datetime, Sequence[LedgerEntry]]]) -> int:
    """How many messages a row of checks comes to."""
    return sum(len(checks.told(now, *entries)) for now, entries in seen)
