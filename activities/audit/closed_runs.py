"""Finds the runs that have ended: in the server's lists, and in the keepers' ledgers.

Activity side: reads. The lists lag behind, and forget; a ledger tells only of runs that its keeper
admitted. What either of them names is found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from activities.audit.executions import described_if_known, execution_after, reset_to
from activities.audit.fetching import key_of
from activities.ledger_pages import read_pages
from activities.open_state import open_state
from activities.side_by_side import side_by_side
from activities.stores.base import ObjectStore, StoreError
from rota.ids import KEEPER_PREFIX
from rota.keepers.state import KeeperState, LedgerEntry
from rota.kinds import WORKFLOW_TYPES
from rota.list_query import any_of
from rota.run_ref import RunRef

PATIENCE = timedelta(seconds=5)
KEEPERS_AT_ONCE = 8
"""Each answer is a keeper's whole state."""
RUN_TYPES = tuple(WORKFLOW_TYPES.values())
MOST_NAMED = 50
"""Agents that a query names; of more, all runs are listed and the others passed over."""
SAME_STEP = timedelta(hours=1)
_AGENT = SearchAttributeKey.for_keyword("RotaAgent")
_PIPELINE = SearchAttributeKey.for_keyword("RotaPipeline")
_CONTINUED = WorkflowExecutionStatus.CONTINUED_AS_NEW


Since = Mapping[str, datetime | None]
"""By agent: from when on its runs are meant; None: all there are."""


@dataclass(frozen=True)
class ClosedExecution:
    """The last execution of a run that has ended."""

    id: str
    run_id: str
    closed: datetime
    agent: str
    """Or pipeline."""


@dataclass(frozen=True)
class LedgerRuns:
    """What the ledgers say."""

    entries: tuple[tuple[str, LedgerEntry], ...]
    """Closed ones that had a run, with their agents, oldest first within each agent."""
    silent: frozenset[str]
    """Agents whose ledger could not be read whole."""


async def listed_closed(client: Client, since: Since) -> list[ClosedExecution]:
    """Return the runs of some agents that the server lists as ended, oldest first.

    Raises:
        RPCError: the server does not answer.
    """
    found: dict[str, ClosedExecution] = {}
    for from_when, agents in _in_step(since):
        named = agents if len(agents) <= MOST_NAMED else ()
        async for each in client.list_workflows(closed_query(from_when, named)):
            agent, closed = _whose(each), each.close_time
            if closed is None or agent not in since:
                continue
            begin = since[agent]
            if begin is None or closed >= begin:
                found[each.run_id] = ClosedExecution(each.id, each.run_id, closed, agent)
    return sorted(found.values(), key=lambda each: (each.closed, each.id))


def _in_step(since: Since) -> Iterator[tuple[datetime | None, tuple[str, ...]]]:
    """Those that are about as far as the furthest, and the others, each from their earliest.

    So that one that stays behind has not all others listed from there, too.
    """
    furthest = max((at for at in since.values() if at is not None), default=None)
    ahead = {
        name: at
        for name, at in since.items()
        if at is not None and furthest is not None and at >= furthest - SAME_STEP
    }
    if ahead:
        yield min(ahead.values()), tuple(ahead)
    behind = {name: at for name, at in since.items() if name not in ahead}
    if behind:
        known = [at for at in behind.values() if at is not None]
        yield min(known) if len(known) == len(behind) else None, tuple(behind)


def _whose(execution: WorkflowExecution) -> str:
    attributes = execution.typed_search_attributes
    pipeline = execution.workflow_type == WORKFLOW_TYPES["Pipeline"]
    return attributes.get(_PIPELINE if pipeline else _AGENT) or ""


def closed_query(since: datetime | None, agents: tuple[str, ...]) -> str:
    """Return the query for runs that ended at or after `since`."""
    parts = [
        f"WorkflowType IN {any_of(RUN_TYPES)}",
        "ExecutionStatus != 'Running'",
        "ExecutionStatus != 'ContinuedAsNew'",
    ]
    if since is not None:
        parts.append(f"CloseTime >= '{since.isoformat()}'")
    if agents:
        names = any_of(agents)
        parts.append(f"(RotaAgent IN {names} OR RotaPipeline IN {names})")
    return " AND ".join(parts)


async def ledger_closed(client: Client, store: ObjectStore, since: Since) -> LedgerRuns:
    """Return the runs that the keepers' ledgers of some agents have as ended."""

    async def read(agent: str) -> list[LedgerEntry] | None:
        try:
            return await _entries(client, store, agent, since[agent])
        except (RPCError, WorkflowQueryFailedError, StoreError):
            return None

    told = list(zip(since, await side_by_side(since, read, KEEPERS_AT_ONCE), strict=True))
    return LedgerRuns(
        entries=tuple((agent, entry) for agent, entries in told for entry in entries or ()),
        silent=frozenset(agent for agent, entries in told if entries is None),
    )


async def _entries(
    client: Client, store: ObjectStore, agent: str, since: datetime | None
) -> list[LedgerEntry]:
    state = await open_state(client, f"{KEEPER_PREFIX}{agent}", KeeperState, PATIENCE)
    if state is None:
        return []
    entries = [*await read_pages(store, state.pages, since), *state.ledger.values()]
    return [
        entry
        for entry in entries
        if entry.run is not None
        and entry.status.closed
        and (since is None or (entry.settled_at or entry.admitted_at) >= since)
    ]


async def last_execution(client: Client, run: RunRef) -> WorkflowExecutionDescription | None:
    """Return the newest execution of a run; None if the server has forgotten it.

    Raises:
        RPCError: the server does not answer.
    """
    described = await described_if_known(client, run.id, None)
    if described is None or key_of(described) == run.key:
        return described
    # Its workflow id names another run by now.
    following = run.key
    while described := await described_if_known(client, run.id, following):
        after = reset_to(described)
        if described.status is _CONTINUED:
            handle = client.get_workflow_handle(run.id, run_id=following)
            events = (await handle.fetch_history()).events
            after = await execution_after(client, run.id, following, events[-1])
        if after is None:
            return described
        following = after
    return None
