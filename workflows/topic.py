"""`Topic`: the durable channel of one event, from whoever publishes to whoever subscribes.

All rules are in `rota.topics.rules`. This workflow keeps the book, one message at a time,
and has what is pending delivered, one batch after the other: so each subscriber's events
come in order.
"""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.interface import TopicDesk
    from rota.failures import MESSAGE_LIMIT, FailureCategory
    from rota.ids import TOPIC_PREFIX
    from rota.steps import Delivered, DeliverInput
    from rota.topics.rules import TopicBook, event_of
    from rota.topics.subscriptions import SubscriptionError
    from rota.topics.topic import (
        DeadLetter,
        Published,
        PublishRequest,
        ReplayRequest,
        Subscriber,
        TalliedEvent,
        TopicState,
        TopicSummary,
        Unsubscription,
    )
    from rota.visibility import TOPIC_MEMO
    from workflows.activity_options import DELIVERY_PAUSE, LONGEST_DELIVERY_PAUSE, delivery_options
    from workflows.cancel_requests import CancelRequests


@workflow.defn(name="Topic")
class TopicWorkflow:
    """The channel of one event; its name is the workflow id behind `topic:`.

    Messages: signal or update `publish`; updates `subscribe`, `unsubscribe`, `replay`;
    queries `state`, `summary`, `events`, `dead`. Publishing is idempotent by the event's
    id, subscribing by name.
    Continue-As-New: when the server suggests it, between two batches; carries the whole
    state. What arrives meanwhile is in the next execution's history.
    Cancellation: ignored, see `workflows.cancel_requests`.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: TopicState | None = None) -> None:
        name = workflow.info().workflow_id.removeprefix(TOPIC_PREFIX)
        self._book = TopicBook(state or TopicState(name=name))
        self._failures = 0
        """Batches that failed in a row."""
        self._trouble = ""
        self._doing = ""
        self._cancels = CancelRequests()

    @workflow.run
    async def run(self, state: TopicState | None = None) -> None:
        """Serve messages and deliver events, for ever.

        Raises:
            ApplicationError: its workflow id is not that of a topic.
        """
        _require_topic_id()
        await self._cancels.outlive(self._serve(), self._show)

    async def _serve(self) -> None:
        while True:
            self._now("waiting for events")
            await workflow.wait_condition(lambda: self._book.has_pending or _should_continue())
            if _should_continue():
                await workflow.wait_condition(workflow.all_handlers_finished)
                # Given anew: the next execution keeps the memo of the start, not what came since.
                workflow.continue_as_new(self._book.state(), memo={TOPIC_MEMO: self._memo()})
            await self._deliver()

    @workflow.signal(
        dynamic=True, description="`publish` {id?, payload?}: publish an event, without a receipt."
    )
    def receive(self, signal: str, arguments: Sequence[RawValue]) -> None:
        """Publish what arrives; whatever cannot be published becomes a dead letter.

        One handler for every name and any arguments: with a declared argument the SDK would
        drop what does not fit, and keep what is misspelt for ever.
        """
        if signal != "publish":
            self._book.refuse(f"there is no signal '{signal}': send 'publish'", workflow.now())
        elif len(arguments) != 1:
            problem = f"publish takes 1 JSON argument, not {len(arguments)}"
            self._book.refuse(problem, workflow.now())
        else:
            self._publish(arguments[0])

    @workflow.update(description="Publish an event {id?, payload?} and return its receipt.")
    def publish(self, request: RawValue) -> Published:
        """Take an event; the receipt says its number, or why it was refused."""
        return self._publish(request)

    @workflow.update(description="Have an agent or pipeline run on later events (rota apply).")
    def subscribe(self, subscriber: Subscriber) -> None:
        """Put a subscription in force."""
        try:
            changed = self._book.subscribe(subscriber)
        except SubscriptionError as error:
            raise _refusal(error) from error
        if changed:
            self._note()

    @workflow.update(description="Take a subscription {name, fleet?} back.")
    def unsubscribe(self, request: Unsubscription) -> None:
        """Deliver nothing more to a subscriber, not even what it waits for."""
        try:
            changed = self._book.unsubscribe(request)
        except SubscriptionError as error:
            raise _refusal(error) from error
        if changed:
            self._note()

    @workflow.update(description="Deliver the last events {subscriber, last} to one subscriber.")
    def replay(self, request: ReplayRequest) -> int:
        """Return how many events are delivered again, or for the first time."""
        try:
            return self._book.replay(request)
        except SubscriptionError as error:
            raise _refusal(error) from error

    @workflow.query(description="The whole state, as carried across continue-as-new.")
    def state(self) -> TopicState:
        """Everything the topic knows."""
        return self._book.state()

    @workflow.query(description="Subscribers and counts.")
    def summary(self) -> TopicSummary:
        """The topic at a glance."""
        return self._book.summary(self._trouble)

    @workflow.query(description="Recent events behind a sequence number, a page at a time.")
    def events(self, after: int = 0) -> list[TalliedEvent]:
        """Ask again behind the last one until nothing more comes."""
        return list(self._book.events_after(after))

    @workflow.query(description="What could not be delivered or accepted, oldest first.")
    def dead(self) -> list[DeadLetter]:
        """The newest dead letters."""
        return list(self._book.dead)

    def _publish(self, raw: RawValue) -> Published:
        try:
            (request,) = workflow.payload_converter().from_payloads([raw.payload], [PublishRequest])
        except ApplicationError as error:
            return self._book.refuse(error.message, workflow.now())
        return self._book.publish(request, str(workflow.uuid4()), workflow.now())

    async def _deliver(self) -> None:
        """Have one batch delivered; if that fails, it waits and is made up anew."""
        batch = self._book.next_batch(workflow.now())
        if not batch:
            return
        names = sorted({name for delivery in batch for name in delivery.subscribers})
        input = DeliverInput(
            topic=self._book.name,
            deliveries=batch,
            subscribers={name: self._book.subscribers[name] for name in names},
        )
        first, last = batch[0].event.sequence, batch[-1].event.sequence
        self._now(f"delivering events {first} to {last} to {len(names)} subscribers")
        try:
            delivered: Delivered = await workflow.execute_activity_method(
                TopicDesk.deliver_events,
                input,
                summary=f"events {first}-{last} to {', '.join(names)}"[:200],
                **delivery_options(),
            )
        except ActivityError as error:
            self._book.put_back()
            await self._pause(str(error.cause or error))
            return
        self._book.settle(delivered)
        self._failures, self._trouble = 0, ""

    async def _pause(self, trouble: str) -> None:
        """Wait before the next attempt; subscriptions may change meanwhile."""
        self._failures += 1
        self._trouble = trouble[:MESSAGE_LIMIT]
        # Beyond ten doublings every limit is reached.
        doubled = DELIVERY_PAUSE * 2 ** min(self._failures - 1, 10)
        self._now(f"**deliveries fail**, trying again: {self._trouble}")
        await workflow.sleep(
            min(doubled, LONGEST_DELIVERY_PAUSE), summary="deliveries failed, trying again"
        )

    def _note(self) -> None:
        workflow.upsert_memo({TOPIC_MEMO: self._memo()})

    def _memo(self) -> dict[str, object]:
        fleets = {name: found.fleet for name, found in sorted(self._book.subscribers.items())}
        return {"subscribers": fleets, "published": self._book.published}

    def _now(self, doing: str) -> None:
        self._doing = doing
        self._show()

    def _show(self) -> None:
        names = ", ".join(sorted(self._book.subscribers)) or "nobody"
        lines = [
            f"**{self._book.name}** · for {names}",
            f"{self._book.published} events, {len(self._book.dead)} dead letters kept",
            self._doing,
            *self._cancels.notice,
        ]
        workflow.set_current_details("\n\n".join(lines))


def _should_continue() -> bool:
    return workflow.info().is_continue_as_new_suggested()


def _require_topic_id() -> None:
    id = workflow.info().workflow_id
    try:
        event_of(id)
    except ValueError as error:
        raise ApplicationError(
            f"'{id}' is no topic: {error}",
            type=FailureCategory.INVALID_REQUEST.value,
            non_retryable=True,
        ) from error


def _refusal(error: SubscriptionError) -> ApplicationError:
    return ApplicationError(str(error), type="SubscriptionError", non_retryable=True)
