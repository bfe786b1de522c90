"""What the server refers to in the object store: histories, schedules.

Activity side: reads. Histories only grow, so whatever moves between keepers and runs while they are
read is in one of them. What has ended and is archived is the archive's to keep.
"""

from collections.abc import AsyncIterator, Collection

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.audit.archive_store import is_done
from activities.audit.executions import described_if_known, execution_after
from activities.audit.fetching import key_of
from activities.described_schedules import described_schedules
from activities.encryption.opening import opened
from activities.server_errors import is_missing
from activities.stores.base import ObjectStore
from rota.audit.references import without_gone
from rota.kinds import WORKFLOW_TYPES
from rota.what_if.backtest import CASES_MEMO

RUNS = tuple(WORKFLOW_TYPES.values())


async def server_roots(
    client: Client, store: ObjectStore, gone: Collection[str]
) -> AsyncIterator[bytes]:
    """Yield bytes in which the digests stand that the server refers to.

    Everything that is open, runs with all their executions; everything that has ended and is no
    archived run, a keeper that was ended by hand among it; schedules.

    Args:
        client: Of the namespace.
        store: Tells which runs are archived.
        gone: Keys of runs whose results no ledger keeps, and that refer to nothing themselves.

    Raises:
        RPCError: the server does not answer: then nobody knows what it refers to.
    """
    async for data in _histories(client, "ExecutionStatus = 'Running'", gone):
        yield data
    ended = "ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'"
    async for each in client.list_workflows(ended):
        if not set(gone).isdisjoint(await each.memo_value(CASES_MEMO, [])):
            continue  # a backtest that played one of them
        if each.workflow_type not in RUNS or not await _is_archived(client, store, each, gone):
            async for data in _history(client, each, gone):
                yield data
    async for described in described_schedules(client):
        whole = await opened(described.raw_description, client.data_converter)
        yield whole.SerializeToString()


async def _histories(client: Client, query: str, gone: Collection[str]) -> AsyncIterator[bytes]:
    async for each in client.list_workflows(query):
        async for data in _history(client, each, gone):
            yield data


async def _is_archived(
    client: Client, store: ObjectStore, each: WorkflowExecution, gone: Collection[str]
) -> bool:
    """True if it is, or was, or is as good as gone."""
    if each.run_id in gone or await is_done(store, each.run_id):
        return True
    described = await described_if_known(client, each.id, each.run_id)
    if described is None:
        return True
    key = key_of(described)
    return key in gone or await is_done(store, key)


async def _history(
    client: Client, execution: WorkflowExecution, gone: Collection[str]
) -> AsyncIterator[bytes]:
    """The history of an execution; of a run, of those before and after it, too."""
    if execution.workflow_type not in RUNS:
        async for event in _events(client, execution.id, execution.run_id):
            yield _scanned(event, gone)
        return
    met: set[str] = set()
    # The last one, too, if a server does not tell how the first led there.
    for begin in (await _first(client, execution), execution.run_id):
        following = begin
        while following is not None and following not in met:
            met.add(following)
            last: HistoryEvent | None = None
            async for event in _events(client, execution.id, following):
                last = event
                yield _scanned(event, gone)
            if last is None:
                break
            following = await execution_after(client, execution.id, following, last)


async def _events(client: Client, id: str, run_id: str) -> AsyncIterator[HistoryEvent]:
    """Those of one execution; none if it is forgotten."""
    try:
        async for event in client.get_workflow_handle(id, run_id=run_id).fetch_history_events():
            # What is encrypted shows nobody what it refers to.
            yield await opened(event, client.data_converter)
    except RPCError as error:
        if not is_missing(error):
            raise


async def _first(client: Client, execution: WorkflowExecution) -> str | None:
    described = await described_if_known(client, execution.id, execution.run_id)
    return None if described is None else key_of(described)


def _scanned(event: HistoryEvent, gone: Collection[str]) -> bytes:
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        return event.SerializeToString()
    # What a keeper was begun with holds its whole ledger.
    rest = HistoryEvent()
    rest.CopyFrom(event)
    given = rest.workflow_execution_started_event_attributes.input.payloads
    for payload in given:
        payload.data = without_gone(payload.data, gone)
    return rest.SerializeToString()
