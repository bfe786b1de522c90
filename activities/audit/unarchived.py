"""Finds the closed runs that are not archived yet: by the server's lists, and by the ledgers.

Activity side: reads, changes nothing.
"""

from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.service import RPCError

from activities.audit.archive_store import is_done
from activities.audit.closed_runs import (
    ClosedExecution,
    Since,
    last_execution,
    ledger_closed,
    listed_closed,
)
from activities.audit.executions import described_if_known, reset_to
from activities.audit.fetching import key_of
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore
from rota.keeper_state import LedgerEntry

LOOKS_AT_ONCE = 16


@dataclass
class Unarchived:
    """What was found."""

    todo: list[ClosedExecution] = field(default_factory=list[ClosedExecution])
    """Oldest first."""
    done: int = 0
    """How many of those that are listed are archived."""
    failed: list[tuple[ClosedExecution, Exception]] = field(
        default_factory=list[tuple[ClosedExecution, Exception]]
    )
    """Runs of which the server did not tell more."""
    lost: list[ClosedExecution] = field(default_factory=list[ClosedExecution])
    """Runs of a ledger, by their first executions, that the server has forgotten."""
    silent: frozenset[str] = frozenset()
    """Agents whose ledger could not be read whole."""


async def find_unarchived(client: Client, store: ObjectStore, since: Since) -> Unarchived:
    """Return the closed runs of some agents that are not archived.

    Raises:
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    return await _Search(client, store).work(since)


class _Search:
    def __init__(self, client: Client, store: ObjectStore) -> None:
        self._client = client
        self._store = store
        self._found = Unarchived()
        self._seen: set[str] = set()
        """Keys of the runs that were looked at."""

    async def work(self, since: Since) -> Unarchived:
        found = self._found
        listed = await listed_closed(self._client, since)
        ledgers = await ledger_closed(self._client, self._store, since)
        looked = await side_by_side(listed, self._if_unarchived, LOOKS_AT_ONCE)
        found.todo = [each for each in looked if each is not None]
        for agent, entry in ledgers.entries:
            await self._look_up(agent, entry)
        found.todo.sort(key=lambda each: (each.closed, each.id))
        found.silent = ledgers.silent
        return found

    async def _if_unarchived(self, each: ClosedExecution) -> ClosedExecution | None:
        if await is_done(self._store, each.run_id):
            self._note_done(each.run_id)
            return None
        # A run that continued as new is known by its first execution, which no list tells.
        try:
            described = await described_if_known(self._client, each.id, each.run_id)
        except RPCError as error:
            self._found.failed.append((each, error))
            return None
        if described is None:
            return None
        key = key_of(described)
        if await is_done(self._store, key):
            self._note_done(key)
            return None
        if reset_to(described) is not None:
            # It goes on in another execution, or has ended there.
            return None
        self._seen.add(key)
        return each

    def _note_done(self, key: str) -> None:
        self._seen.add(key)
        self._found.done += 1

    async def _look_up(self, agent: str, entry: LedgerEntry) -> None:
        """Note a run that a ledger knows, and no list."""
        run = entry.run
        if run is None or run.key in self._seen or await is_done(self._store, run.key):
            return
        self._seen.add(run.key)
        closed = entry.settled_at or entry.admitted_at
        known = ClosedExecution(run.id, run.key, closed, agent)
        try:
            found = await last_execution(self._client, run)
        except RPCError as error:
            self._found.failed.append((known, error))
            return
        if found is None:
            self._found.lost.append(known)
        elif found.close_time is not None:
            ended = ClosedExecution(run.id, found.run_id, found.close_time, agent)
            self._found.todo.append(ended)
