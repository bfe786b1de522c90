"""A keeper's desk that other agents' runs ask for slots, for tests."""

from datetime import datetime, timedelta
from typing import Any

from rota.coordination.upstream import NeedAnswer, NeedRequest, UpstreamState
from rota.keepers import needs
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus, Trigger
from rota.schedule.spec import ScheduleSpec
from tests.rota.keepers.desks import T0, Desk, run

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
