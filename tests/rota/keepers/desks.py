"""A keeper's desk without a server: requests and settlements in a few words, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rota.keepers import dedupe, settling
from rota.keepers import rules as keeper
from rota.keepers.admission import (
    Admission,
    AdmissionRequest,
    KeyOutcome,
    MemoryChange,
    RunRef,
    Settled,
    Settlement,
)
from rota.keepers.run_orders import RunOrder
from rota.keepers.state import KeeperState, LedgerEntry, SessionState
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus, Trigger

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pinned(**fields: Any) -> PinnedSpec:
    """A declaration in force: hourly, so an hour is the distance of two slots."""
    named = {"digest": "d", "name": "report", "runtime_kind": "scripted"}
    return PinnedSpec.model_validate({**named, **fields})


def run(name: str) -> RunRef:
    """A run whose id and key can be told apart."""
    return RunRef(id=name, key=f"key-of-{name}")


class Desk:
    """Holds the state between two decisions, and a clock that only the test moves."""

    def __init__(self, **spec: Any) -> None:
        self.state = keeper.declare(KeeperState(), pinned(**spec))
        self.now = T0

    def at(self, now: datetime) -> "Desk":
        """Set the clock."""
        self.now = now
        return self

    def admit(
        self, name: str, slot: datetime | None = None, *passed: datetime, **request: Any
    ) -> Admission:
        """A run asks; with a slot it is a scheduled one unless said otherwise."""
        trigger = Trigger.SCHEDULE if slot else Trigger.MANUAL
        asked = {"run": run(name), "trigger": trigger, "slot": slot, "passed_slots": passed}
        presented = AdmissionRequest.model_validate({**asked, **request})
        self.state, answer = keeper.admit(self.state, presented, self.now)
        return answer

    def settle(
        self, name: str, status: RunStatus = RunStatus.SUCCEEDED, **settlement: Any
    ) -> Settled:
        """A run reports its end."""
        report = Settlement(run=run(name), status=status, **settlement)
        self.state, settled = settling.settle(self.state, report, self.now)
        return settled

    def grant(self) -> Admission | None:
        """Answer the first that waits and can go."""
        self.state, granted = keeper.grant_next(self.state, self.now)
        return granted

    def due(self) -> list[KeyOutcome]:
        """Tell those who wait for a key what is to be told now."""
        self.state, outcomes = dedupe.due_outcomes(self.state)
        return list(outcomes)

    def declare(self, **spec: Any) -> None:
        """Put another declaration in force."""
        self.state = keeper.declare(self.state, pinned(**spec))

    def retire(self) -> None:
        """Take the declaration back."""
        self.state = keeper.retire(self.state)

    def order(self, name: str, slot: datetime, *, force: bool) -> None:
        """Have the keeper owe a run of a backfill."""
        order = RunOrder(run_id=name, slot=slot, trigger=Trigger.BACKFILL, force=force)
        self.state = self.state.model_copy(update={"orders": (*self.state.orders, order)})

    def change_memory(self, base: str | None, memory: str, session: str = "default") -> Settled:
        """A person replaces a memory."""
        change = MemoryChange(session=session, base=base, memory=memory)
        self.state, settled = settling.change_memory(self.state, change)
        return settled

    def entry(self, name: str) -> LedgerEntry:
        """What the ledger says of a run."""
        return self.state.ledger[run(name).key]

    def session(self, key: str = "default") -> SessionState:
        """One session."""
        return self.state.session(key)

    def ledger(self) -> list[tuple[datetime | None, str, str]]:
        """Slot, status and reason of every entry, oldest first."""
        return [(e.slot, e.status.value, e.reason) for e in self.state.ledger.values()]
