"""`deliver_events`: from events to the runs they start."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities import tracing
from activities.documents import get_json
from activities.heartbeat import heartbeating
from activities.interface import TopicDesk
from activities.stores.base import ObjectMissingError, ObjectStore, StoreError
from rota.failures import MESSAGE_LIMIT, PAYLOAD_ERROR_TYPE
from rota.ids import event_run_id, topic_id
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES
from rota.language.conditions import ConditionError
from rota.language.templates import TemplateError
from rota.runs import Trigger
from rota.steps import Delivered, DeliverInput
from rota.topics.delivery import endless, event_input, event_lineage, event_scope, wanted
from rota.topics.topic import DeadLetter, Event, Subscriber, Tally

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Subscribers served side by side: enough to hide the server's latency from most topics."""
SUMMARY_LIMIT = 200
PATIENT_ATTEMPTS = 2
"""Attempts that fail whole at an error nobody expected; from the next on, the delivery that
meets one is buried alone. A fault must not hold up a topic for ever."""


class _UndeliverableError(Exception):
    """Trying again would end the same way."""


class TopicDeskActivities(TopicDesk):
    """Starts the runs that events ask for."""

    def __init__(self, client: Client, store: ObjectStore) -> None:
        self._client = client
        self._store = store

    @activity.defn(name="deliver_events")
    async def deliver_events(self, input: DeliverInput) -> Delivered:
        """Start one run per event and subscriber; each subscriber's in the order of events.

        What can never be delivered becomes a dead letter, and the others go on. A store or
        server out of reach fails the whole batch, and so does an error nobody expected, until
        the last attempts: then it is a dead letter, too.

        Raises:
            StoreError: the store did not answer.
            temporalio.service.RPCError: the server did not.
        Idempotency: by the runs' workflow ids, which derive from subscriber and event.
        """
        turn = asyncio.Semaphore(AT_ONCE)

        async def serve(subscriber: Subscriber) -> Delivered:
            async with turn:
                return await self._serve(input, subscriber)

        count = sum(len(delivery.subscribers) for delivery in input.deliveries)
        async with heartbeating(f"{count} deliveries"):
            parts = await _all(serve(found) for found in input.subscribers.values())
        return _sum(parts)

    async def _serve(self, input: DeliverInput, subscriber: Subscriber) -> Delivered:
        tallies: dict[int, Tally] = {}
        dead: list[DeadLetter] = []
        for delivery in input.deliveries:
            if subscriber.name not in delivery.subscribers:
                continue
            event = delivery.event
            try:
                started = await self._deliver(input.topic, event, subscriber)
            except _UndeliverableError as error:
                tally = Tally(dead=1)
                dead.append(_letter(event, subscriber, str(error)))
            except (RPCError, StoreError, OSError):
                raise  # out of reach: no event is given up for that
            except Exception as error:
                if activity.info().attempt <= PATIENT_ATTEMPTS:
                    raise
                log.exception("event %s for %s is given up", event.id, subscriber.name)
                tally = Tally(dead=1)
                reason = f"unexpected {type(error).__name__}: {error}"
                dead.append(_letter(event, subscriber, reason))
            else:
                tally = Tally(started=1) if started else Tally(filtered=1)
            # A replay may have put the same event into the batch twice.
            tallies[event.sequence] = tallies.get(event.sequence, Tally()).plus(tally)
        return Delivered(tallies=tallies, dead=tuple(dead))

    async def _deliver(self, topic: str, event: Event, subscriber: Subscriber) -> bool:
        """Start the run, unless the filter keeps the event back; then return False."""
        scope = event_scope(topic, event, await self._payload(event))
        try:
            if not wanted(subscriber.subscription, scope):
                return False
            if reason := endless(event, topic):
                raise _UndeliverableError(reason)
            run_input = event_input(subscriber.subscription, scope)
        except (TemplateError, ConditionError) as error:
            raise _UndeliverableError(str(error)) from error
        await self._start(topic, event, subscriber, run_input)
        return True

    async def _payload(self, event: Event) -> Any:
        if event.payload_digest is None:
            return event.payload
        try:
            return await get_json(self._store, event.payload_digest)
        except ObjectMissingError as error:
            raise _UndeliverableError(
                f"its payload is not in this worker's store ({self._store.address}): give all "
                "workers the same ROTA_STORE, then replay it"
            ) from error
        except ValueError as error:
            raise _UndeliverableError(f"its payload is not JSON: {error}") from error

    async def _start(
        self, topic: str, event: Event, subscriber: Subscriber, run_input: dict[str, Any]
    ) -> None:
        run_id = event_run_id(subscriber.name, event.id)
        lineage = event_lineage(event, run_id, topic_id(topic))
        argument = {
            ARGUMENT_KEYS[subscriber.kind]: subscriber.name,
            "input": run_input,
            "trigger": Trigger.EVENT.value,
            "lineage": lineage.model_dump(mode="json", exclude_defaults=True),
        }
        try:
            with tracing.at(event.traceparent):
                await self._client.start_workflow(
                    WORKFLOW_TYPES[subscriber.kind],
                    argument,
                    id=run_id,
                    task_queue=subscriber.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"{subscriber.name} · event {event.id}"[:SUMMARY_LIMIT],
                )
        except WorkflowAlreadyStartedError:
            return  # by an earlier attempt, or before a replay
        except ApplicationError as error:
            if error.type != PAYLOAD_ERROR_TYPE:
                raise
            raise _UndeliverableError(error.message) from error
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            raise _UndeliverableError(f"the server refuses the run: {error.message}") from error


async def _all(work: Iterable[Coroutine[Any, Any, Delivered]]) -> list[Delivered]:
    """Do it side by side; the first error cancels the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _letter(event: Event, subscriber: Subscriber, reason: str) -> DeadLetter:
    return DeadLetter(
        at=datetime.now(UTC),
        event_id=event.id,
        sequence=event.sequence,
        subscriber=subscriber.name,
        reason=reason[:MESSAGE_LIMIT],
    )


def _sum(parts: list[Delivered]) -> Delivered:
    tallies: dict[int, Tally] = {}
    for part in parts:
        for sequence, tally in part.tallies.items():
            tallies[sequence] = tallies.get(sequence, Tally()).plus(tally)
    dead = sorted(
        (letter for part in parts for letter in part.dead), key=lambda letter: letter.sequence
    )
    return Delivered(tallies=tallies, dead=tuple(dead))
