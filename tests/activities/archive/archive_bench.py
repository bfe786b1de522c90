"""Closed runs that never happened, and an archiver that finds them without a server."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client

from activities.audit import archiver, unarchived
from activities.audit.archiver import Archiver
from activities.audit.closed_runs import ClosedExecution, LedgerRuns, Since
from activities.audit.collect import RunUnknownError
from rota.archive import ArchiveOrder, ArchiveReport
from rota.audit.run_record import RunRecord
from rota.audit.seals import Signer
from rota.connections import Connections
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus, Trigger
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.rota.audit.audit_records import record

FLEET = "finance"


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
    reset: dict[str, str] = field(default_factory=dict[str, str])
    """Runs that were reset: where they are at work."""
    silent: set[str] = field(default_factory=set[str])
    """Agents whose keepers do not answer."""
    hidden: set[str] = field(default_factory=set[str])
    """Agents that the server does not list as the fleet's."""
    collected: int = 0
    looked_at: int = 0
    """Runs that lists have shown."""
    described: int = 0
    """Executions that were looked at one by one."""
    followed: int = 0
    """Runs of ledgers that were looked at one by one."""
    signer: Signer | None = None

    def end(self, seed: int, ended: datetime = NOW, agent: str = "report") -> str:
        """A run that ended then; returns its key."""
        made = record(seed, turns=1).model_copy(update={"ended": ended, "agent": agent})
        self.runs[made.run.key] = made
        return made.run.key

    async def archive(self, **order: Any) -> ArchiveReport:
        """One order, at the store's time."""
        client = cast("Client", Server())
        made = Archiver(client, self.store, Connections(), self.signer, lambda: self.store.now)
        return await made.work(ArchiveOrder(fleet=FLEET, **order))

    async def agents(self, client: Client, fleet: str) -> tuple[str, ...]:
        """In the place of the list of keepers."""
        assert fleet == FLEET
        return tuple(sorted({each.agent for each in self.runs.values()} - self.hidden))

    async def listed(self, client: Client, since: Since) -> list[ClosedExecution]:
        """In the place of the server's lists."""
        found = [
            ClosedExecution(each.run.id, key, each.ended_or_started, each.agent)
            for key, each in self.runs.items()
            if key not in self.unlisted | self.forgotten
            and _is_meant(each.agent, each.ended_or_started, since)
        ]
        self.looked_at += len(found)
        return sorted(found, key=lambda each: each.closed)

    async def ledgers(self, client: Client, store: Any, since: Since) -> LedgerRuns:
        """In the place of the keepers'."""
        entries = [
            (
                each.agent,
                LedgerEntry(
                    run=each.run,
                    trigger=Trigger.MANUAL,
                    status=RunStatus.SUCCEEDED,
                    admitted_at=each.started,
                    settled_at=each.ended,
                ),
            )
            for each in self.runs.values()
            if each.agent not in self.silent and _is_meant(each.agent, each.ended_or_started, since)
        ]
        return LedgerRuns(tuple(entries), frozenset(self.silent & since.keys()))

    async def describe(self, client: Any, id: str, run_id: str) -> str:
        """In the place of the server's description: its run id says it all."""
        self.described += 1
        return run_id

    async def collect(self, *arguments: Any) -> RunRecord:
        """In the place of the server's histories."""
        key = arguments[4]
        if key in self.forgotten:
            raise RunUnknownError(key)
        if key in self.broken:
            # Of a kind that nobody foresees.
            raise ArithmeticError("an object is damaged")
        self.collected += 1
        return self.runs[key]

    async def last(self, client: Any, run: Any) -> Any:
        """In the place of the server's description."""
        self.followed += 1
        if run.key in self.forgotten:
            return None
        if run.key in self.reset:
            return SimpleNamespace(run_id=self.reset[run.key], close_time=None)
        return SimpleNamespace(run_id=run.key, close_time=self.runs[run.key].ended)


class Server:
    """In the place of a client."""

    namespace = "default"


def _is_meant(agent: str, ended: datetime, since: Since) -> bool:
    begin = since.get(agent)
    return agent in since and (begin is None or ended >= begin)


def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose archiver sees its runs alone."""
    made = Bench()
    monkeypatch.setattr(archiver, "fleet_agents", made.agents)
    monkeypatch.setattr(archiver, "collect_run", made.collect)
    monkeypatch.setattr(unarchived, "listed_closed", made.listed)
    monkeypatch.setattr(unarchived, "ledger_closed", made.ledgers)
    monkeypatch.setattr(unarchived, "last_execution", made.last)
    monkeypatch.setattr(unarchived, "described_if_known", made.describe)
    monkeypatch.setattr(unarchived, "key_of", lambda described: described)
    monkeypatch.setattr(unarchived, "reset_to", made.reset.get)
    return made


def days_ago(days: float) -> datetime:
    """Before `NOW`."""
    return NOW - timedelta(days=days)
