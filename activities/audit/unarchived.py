"""Finds the closed runs that are not archived yet: by the server's lists, and by the ledgers.

Activity side: reads, and notes which runs are lost, so that nobody looks for them again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from temporalio.client import Client
from temporalio.service import RPCError

from activities.audit.archive_progress import note_lost
from activities.audit.archive_store import done_among, is_done
from activities.audit.closed_runs import (
    ClosedExecution,
    LedgerRuns,
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
from rota.keepers.state import LedgerEntry

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
    left: list[ClosedExecution] = field(default_factory=list[ClosedExecution])
    """Not looked at, since enough were found; some of them may be archived."""
    silent: frozenset[str] = frozenset()
    """Agents whose ledger could not be read whole."""


async def find_unarchived(
    client: Client,
    store: ObjectStore,
    fleet: str,
    since: Since,
    enough: int,
    failing: Collection[str] = frozenset(),
) -> Unarchived:
    """Return the closed runs of some agents of a fleet that are not archived.

    Args:
        client: Of the namespace.
        store: Where archives lie.
        fleet: Whose agents they are.
        since: From when on runs are meant.
        enough: How many are to be found at least, if there are so many: of a backlog each order
            looks at its own share alone.
        failing: Executions that are looked at after all others but those of silent keepers.

    Raises:
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    return await _Search(client, store, fleet).work(since, enough, failing)


class _Search:
    def __init__(self, client: Client, store: ObjectStore, fleet: str) -> None:
        self._client = client
        self._store = store
        self._fleet = fleet
        self._found = Unarchived()
        self._seen: set[str] = set()
        """Keys of the runs that were looked at."""

    async def work(self, since: Since, enough: int, failing: Collection[str]) -> Unarchived:
        found = self._found
        listed = await listed_closed(self._client, since)
        ledgers = await ledger_closed(self._client, self._store, since)
        known = [(agent, entry) for agent, entry in ledgers.entries if entry.run is not None]
        keys = [each.run_id for each in listed] + [entry.key for _, entry in known]
        done = await done_among(self._store, keys)
        new = [each for each in listed if each.run_id not in done]
        found.done = len(listed) - len(new)
        # As they are tried: what is put away this time must be among what is looked at.
        new.sort(key=lambda each: (each.agent in ledgers.silent, each.run_id in failing))
        rest = iter(new)
        await side_by_side(self._until(enough, rest), self._look_at, LOOKS_AT_ONCE)
        found.left = _as_old_as_known(list(rest), ledgers)
        self._seen |= done
        # Of those that are left a ledger may know the key, which the list does not tell.
        left = {each.id for each in found.left}
        unseen = [
            (agent, entry)
            for agent, entry in known
            if entry.key not in self._seen and not (entry.run and entry.run.id in left)
        ]
        await side_by_side(unseen, self._look_up, LOOKS_AT_ONCE)
        found.todo.sort(key=lambda each: (each.closed, each.id))
        found.silent = ledgers.silent
        return found

    def _until(self, enough: int, rest: Iterator[ClosedExecution]) -> Iterator[ClosedExecution]:
        found = self._found
        while len(found.todo) + len(found.failed) < enough:
            each = next(rest, None)
            if each is None:
                return
            yield each

    async def _look_at(self, each: ClosedExecution) -> None:
        """Note a run that a list shows, if it is to be put away."""
        # A run that continued as new is known by its first execution, which no list tells.
        try:
            described = await described_if_known(self._client, each.id, each.run_id)
        except RPCError as error:
            self._found.failed.append((each, error))
            return
        if described is None:
            return
        key = key_of(described)
        if await is_done(self._store, key):
            self._seen.add(key)
            self._found.done += 1
            return
        if reset_to(described) is not None:
            # It goes on in another execution, or has ended there.
            return
        self._seen.add(key)
        self._found.todo.append(each)

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


def _as_old_as_known(left: Sequence[ClosedExecution], ledgers: LedgerRuns) -> list[ClosedExecution]:
    """Runs that are left; one counts as old as the oldest run of its name that a ledger knows.

    So that this one, too, is still looked for when it is their turn.
    """
    ended: dict[str, datetime] = {}
    for _, entry in ledgers.entries:
        if entry.run is not None:
            closed = entry.settled_at or entry.admitted_at
            ended[entry.run.id] = min(closed, ended.get(entry.run.id, closed))
    return [
        replace(each, closed=min(each.closed, ended.get(each.id, each.closed))) for each in left
    ]
