"""`post_facts`, `send_notification`: from what a run has to tell to who is told."""

import asyncio
from datetime import timedelta
from urllib.parse import quote

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from activities.heartbeat import heartbeating
from activities.interface import Notifying
from activities.notify.approval_links import approval_links, linked
from activities.notify.means import Means
from activities.notify.open import SENDERS
from rota.connections import Connections
from rota.failures import MESSAGE_LIMIT, StepError
from rota.ids import keeper_queue, notifier_id
from rota.notices.facts import Channel, Fact, Message, PostInput, SendInput, Sent, channels_for
from rota.notices.notifier import NotifierPolicy, NotifierState

NOTIFIER_WORKFLOW = "Notifier"
PATIENCE = timedelta(seconds=3)
"""For one fact: a run waits for it."""
_PAGE = "run"
"""Name of the link to a run's page."""


class NotifyingActivities(Notifying):
    """Tells facts to channels.

    Args:
        client: Reaches the notifiers.
        connections: Of the fleet: its mail server.
        ui: Address of the Temporal UI; empty: nobody is linked there.
        policy: Of notifiers that begin; None: the ordinary one.
    """

    def __init__(
        self,
        client: Client,
        connections: Connections,
        *,
        ui: str = "",
        policy: NotifierPolicy | None = None,
    ) -> None:
        self._client = client
        self._means = Means(connections)
        self._ui = ui.rstrip("/")
        self._policy = policy or NotifierPolicy()

    @activity.defn(name="post_facts")
    async def post_facts(self, input: PostInput) -> None:
        """Hand each fact to the notifiers of its channels; the first fact starts one.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: each notifier knows a fact by its id.
        """
        for fact in input.facts:  # one after the other: each channel tells them in this order
            channels = channels_for(input.notify, fact.occasion, input.task_queue)
            linked = self._linked(fact)
            await asyncio.gather(
                *(self._post(linked, channel, input.task_queue) for channel in channels)
            )

    @activity.defn(name="send_notification")
    async def send_notification(self, input: SendInput) -> Sent:
        """Send one message to one channel.

        Raises:
            ApplicationError: retryable if the same message may be taken later; its type is
                the failure's category.
        Idempotency: at least once. Every attempt carries the message's id: receivers of
            webhooks and mail programs know it by that.
        Heartbeat: every second.
        """
        channel = input.channel
        message, unlinked = self._with_decisions(input.message, channel)
        try:
            async with heartbeating(f"sending to {channel.label}"):
                note = await SENDERS[channel.kind](self._means, channel, message)
        except StepError as error:
            raise self._translated(error) from None
        note = "; ".join(filter(None, (note, unlinked)))
        return Sent(note=self._means.secrets.redact(note))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._means.calls.aclose()

    async def _post(self, fact: Fact, channel: Channel, task_queue: str) -> None:
        await self._client.start_workflow(
            NOTIFIER_WORKFLOW,
            NotifierState(channel=channel, policy=self._policy),
            id=notifier_id(channel.digest),
            task_queue=keeper_queue(task_queue),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="fact",
            start_signal_args=[fact],
            static_summary=f"notifier of {channel.label}",
            rpc_timeout=PATIENCE,
        )

    def _with_decisions(self, message: Message, channel: Channel) -> tuple[Message, str]:
        """Link what people may decide on; returns why not, if that cannot be.

        Nobody goes without the message for that: it has the command, too.
        """
        means, wanted = self._means, any(fact.approval for fact in message.facts)
        links, problem = None, ""
        if wanted:
            try:
                links = approval_links(means.connections, self._client.namespace, means.secrets)
            except LookupError as error:
                problem = f"without links to decide by (gateway.links): {error}"
        return linked(message, channel, links), problem

    def _linked(self, fact: Fact) -> Fact:
        """Link the run's page, where somebody has said where the UI is.

        No link of a result is called like that one: it would pass for it.
        """
        links = {name: url for name, url in fact.links.items() if name != _PAGE}
        if self._ui and fact.run:
            place = f"{quote(self._client.namespace)}/workflows/{quote(fact.run, safe='')}"
            links = {_PAGE: f"{self._ui}/namespaces/{place}", **links}
        return fact.model_copy(update={"links": links})

    def _translated(self, error: StepError) -> ApplicationError:
        text = self._means.secrets.shortened(str(error), MESSAGE_LIMIT)
        return ApplicationError(
            text,
            type=error.category.value,
            non_retryable=not error.category.retryable,
            next_retry_delay=error.retry_after,
        )
