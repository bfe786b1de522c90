"""Closed runs that never happened, and an archiver that finds them without a server."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client

from activities.audit import archiver as module
from activities.audit.archiver import Archiver
from activities.audit.closed_runs import ClosedExecution, LedgerRuns
from activities.audit.collect import RunUnknownError
from activities.stores.base import StoreError
from rota.archive import ArchiveOrder, ArchiveReport
from rota.audit.run_record import RunRecord
from rota.audit.seals import Signer
from rota.connections import Connections
from rota.keeper_state import LedgerEntry
from rota.runs import RunStatus, Trigger
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.rota.audit.audit_records import record


@dataclass
class Bench:
    """A fleet whose runs have ended."""

    store: MemoryStore = field(default_factory=MemoryStore)
    runs: dict[str, RunRecord] = field(default_factory=dict[str, RunRecord])
    """By the run id of their last execution, which here is their key."""
    unlisted: set[str] = field(default_factory=set[str])
    """Runs that the server's lists do not show yet."""
    forgotten: set[str] = field(default_factory=set[str])
    broken: set[str] = field(default_factory=set[str])
    unread: tuple[str, ...] = ()
    collected: int = 0
    signer: Signer | None = None

    def end(self, seed: int, ended: datetime = NOW, agent: str = "report") -> str:
        """A run that ended then; returns its key."""
        made = record(seed, turns=1).model_copy(update={"ended": ended, "agent": agent})
        self.runs[made.run.key] = made
        return made.run.key

    async def archive(self, **order: Any) -> ArchiveReport:
        """One order, at the store's time."""
        client = cast("Client", _Server())
        archiver = Archiver(client, self.store, Connections(), self.signer, lambda: self.store.now)
        return await archiver.work(ArchiveOrder(**order))

    async def listed(self, *arguments: Any) -> list[ClosedExecution]:
        """In the place of the server's lists."""
        since = arguments[1]
        found = [
            ClosedExecution(each.run.id, key, each.ended_or_started)
            for key, each in self.runs.items()
            if key not in self.unlisted | self.forgotten
            and (since is None or each.ended_or_started >= since)
        ]
        return sorted(found, key=lambda each: each.closed)

    async def ledgers(self, *arguments: Any) -> LedgerRuns:
        """In the place of the keepers'."""
        entries = [
            LedgerEntry(
                run=each.run,
                trigger=Trigger.MANUAL,
                status=RunStatus.SUCCEEDED,
                admitted_at=each.started,
                settled_at=each.ended,
            )
            for each in self.runs.values()
        ]
        return LedgerRuns(tuple(entries), self.unread)

    async def collect(self, *arguments: Any) -> RunRecord:
        """In the place of the server's histories."""
        key = arguments[4]
        if key in self.forgotten:
            raise RunUnknownError(key)
        if key in self.broken:
            raise StoreError("an object is damaged")
        self.collected += 1
        return self.runs[key]

    async def last(self, client: Any, run: Any) -> Any:
        """In the place of the server's description."""
        if run.key in self.forgotten:
            return None
        return SimpleNamespace(run_id=run.key, close_time=self.runs[run.key].ended)


class _Server:
    namespace = "default"

    def get_workflow_handle(self, id: str, *, run_id: str) -> Any:
        async def describe() -> str:
            return run_id

        return SimpleNamespace(describe=describe)


def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose archiver sees its runs alone."""
    made = Bench()
    monkeypatch.setattr(module, "listed_closed", made.listed)
    monkeypatch.setattr(module, "ledger_closed", made.ledgers)
    monkeypatch.setattr(module, "collect_run", made.collect)
    monkeypatch.setattr(module, "last_execution", made.last)
    monkeypatch.setattr(module, "key_of", lambda described: described)
    return made


def days_ago(days: float) -> datetime:
    """Before `NOW`."""
    return NOW - timedelta(days=days)
