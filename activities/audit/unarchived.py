"""Finds the closed runs that are not archived yet: by the server's lists, and by the ledgers.

Activity side: reads, and notes which runs are lost, so that nobody looks for them again.
"""

from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.service import RPCError

from activities.audit.archive_progress import note_lost
from activities.audit.archive_store import done_among, is_done
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
from rota.audit.archived import LostRun
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
    """Runs of a ledger, by their first executions, that the server has forgotten; each is told
    once."""
    silent: frozenset[str] = frozenset()
    """Agents whose ledger could not be read whole."""


async def find_unarchived(
    client: Client, store: ObjectStore, fleet: str, since: Since
) -> Unarchived:
    """Return the closed runs of some agents of a fleet that are not archived.

    Raises:
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    return await _Search(client, store, fleet).work(since)


class _Search:
    def __init__(self, client: Client, store: ObjectStore, fleet: str) -> None:
        self._client = client
        self._store = store
        self._fleet = fleet
        self._found = Unarchived()
        self._seen: set[str] = set()
        """Keys of the runs that were looked at."""

    async def work(self, since: Since) -> Unarchived:
        found = self._found
        listed = await listed_closed(self._client, since)
        ledgers = await ledger_closed(self._client, self._store, since)
        known = [(agent, entry) for agent, entry in ledgers.entries if entry.run is not None]
        keys = [each.run_id for each in listed] + [entry.key for _, entry in known]
        done = await done_among(self._store, keys)
        new = [each for each in listed if each.run_id not in done]
        found.done = len(listed) - len(new)
        looked = await side_by_side(new, self._if_unarchived, LOOKS_AT_ONCE)
        found.todo = [each for each in looked if each is not None]
        self._seen |= done
        unseen = [each for each in known if each[1].key not in self._seen]
        await side_by_side(unseen, self._look_up, LOOKS_AT_ONCE)
        found.todo.sort(key=lambda each: (each.closed, each.id))
        found.silent = ledgers.silent
        return found

    async def _if_unarchived(self, each: ClosedExecution) -> ClosedExecution | None:
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
            self._seen.add(key)
            self._found.done += 1
            return None
        if reset_to(described) is not None:
            # It goes on in another execution, or has ended there.
            return None
        self._seen.add(key)
        return each

    async def _look_up(self, each: tuple[str, LedgerEntry]) -> None:
        """Note a run that a ledger knows, and no list."""
        agent, entry = each
        run, closed = entry.run, entry.settled_at or entry.admitted_at
        if run is None:
            return
        known = ClosedExecution(run.id, run.key, closed, agent)
        try:
            found = await last_execution(self._client, run)
        except RPCError as error:
            self._found.failed.append((known, error))
            return
        if found is None:
            lost = LostRun(run=run, agent=agent, fleet=self._fleet, ended=closed)
            await note_lost(self._store, lost)
            self._found.lost.append(known)
        elif found.close_time is not None:
            ended = ClosedExecution(run.id, found.run_id, found.close_time, agent)
            self._found.todo.append(ended)
