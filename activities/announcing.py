"""Publish a run's events, each to its topic."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from activities import tracing
from rota.coordination.lineage import Lineage
from rota.ids import keeper_queue, topic_id
from rota.runs import EventRecord
from rota.topics.topic import PublishRequest

TOPIC_WORKFLOW = "Topic"


async def announce(
    client: Client,
    event: EventRecord,
    *,
    source: str,
    task_queue: str,
    lineage: Lineage | None = None,
) -> None:
    """Publish one event of the run `source`, starting its topic if it is the first.

    Idempotent: the topic recognises the event's id.
    """
    request = PublishRequest(
        id=event.id,
        payload_digest=event.payload,
        source=source,
        root=lineage.root if lineage else source,
        depth=lineage.depth if lineage else 0,
        at=event.at,
        tainted=event.tainted,
        traceparent=tracing.place(),
    )
    await client.start_workflow(
        TOPIC_WORKFLOW,
        id=topic_id(event.name),
        task_queue=keeper_queue(task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="publish",
        start_signal_args=[request],
        static_summary=f"topic {event.name}",
    )
