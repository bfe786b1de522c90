"""Subscribe agents and pipelines to topics, and read who subscribes.

Changing needs a worker, as a topic is a workflow; reading does not: a topic's memo says
who subscribes, and for which fleet.
"""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.encryption.foreign import own_memo
from activities.server_errors import is_missing
from rota.ids import TOPIC_PREFIX, keeper_queue, topic_id
from rota.topics.topic import Subscriber, Unsubscription
from rota.visibility import TOPIC_MEMO
from schedules.apply_errors import ApplyError, NoWorkerError

TOPIC_WORKFLOW = "Topic"
TOPICS = f"WorkflowType = '{TOPIC_WORKFLOW}' AND ExecutionStatus = 'Running'"


async def subscribe(client: Client, subscriber: Subscriber, event: str, timeout: timedelta) -> None:
    """Put a subscription in force, starting the topic if there is none. Idempotent.

    Raises:
        ApplyError: the topic refuses, for example because of another fleet's subscription.
        NoWorkerError: the topic did not answer within `timeout`.
    """
    topic = await client.start_workflow(
        TOPIC_WORKFLOW,
        id=topic_id(event),
        task_queue=keeper_queue(subscriber.task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"topic {event}",
    )
    await _update(topic, "subscribe", subscriber, subscriber.task_queue, timeout)


async def unsubscribe(
    client: Client, name: str, fleet: str, event: str, task_queue: str, timeout: timedelta
) -> None:
    """Take the subscription of `fleet` back. Idempotent: none, or no topic, is fine.

    Raises:
        ApplyError: it is another fleet's.
        NoWorkerError: the topic did not answer within `timeout`.
    """
    topic = client.get_workflow_handle(topic_id(event))
    request = Unsubscription(name=name, fleet=fleet)
    try:
        await _update(topic, "unsubscribe", request, task_queue, timeout)
    except RPCError as error:
        if not is_missing(error):
            raise


async def live_subscribers(client: Client, event: str) -> dict[str, str]:
    """Return who subscribes to `event`: name to fleet. Empty if there is no such topic."""
    try:
        described = await client.get_workflow_handle(topic_id(event)).describe()
    except RPCError as error:
        if is_missing(error):
            return {}
        raise
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return {}
    return await _subscribers(described)


async def subscriptions_of(client: Client, fleet: str) -> list[tuple[str, str]]:
    """Return every (event, name) that `fleet` subscribes, sorted.

    From visibility, which may be a moment behind: ask `live_subscribers` about events that
    are known by name.
    """
    return sorted(
        [
            (topic.id.removeprefix(TOPIC_PREFIX), name)
            async for topic in client.list_workflows(TOPICS)
            for name, owner in (await _subscribers(topic)).items()
            if owner == fleet
        ]
    )


async def _subscribers(topic: WorkflowExecution) -> dict[str, str]:
    return dict((await own_memo(topic, TOPIC_MEMO)).get("subscribers") or {})


async def _update(
    topic: WorkflowHandle[Any, Any],
    update: str,
    argument: Subscriber | Unsubscription,
    task_queue: str,
    timeout: timedelta,
) -> None:
    try:
        await topic.execute_update(update, argument, rpc_timeout=timeout)
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        # The list of pollers remembers a worker for minutes after it has gone.
        raise NoWorkerError(task_queue) from None
    except WorkflowUpdateFailedError as error:
        raise ApplyError(str(error.cause)) from error
