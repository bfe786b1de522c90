"""`Notifier`: tells one channel what agents have to say, in groups and not too often.

All rules are in `rota.notices.rules`. This workflow applies them one message at a time, and
has each message sent until it is taken. Whoever posts the first fact starts it.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.interface import Notifying
    from rota.failures import MESSAGE_LIMIT
    from rota.ids import format_slot
    from rota.notices import rules as notifier_rules
    from rota.notices.facts import Fact, Message, SendInput, Sent
    from rota.notices.notifier import NotifierState
    from rota.notices.text import headline
    from workflows.cancel_requests import CancelRequests
    from workflows.notify_options import send_options


@workflow.defn(name="Notifier")
class NotifierWorkflow:
    """One channel; its digest is in the workflow id, `notify:<digest>`.

    Messages: signal `fact`, known by the fact's id when it comes again; query `state`.
    Continue-As-New: when the server suggests it, between two messages; carries the whole
    state. Ends after a day without news or trouble; the next fact starts it anew.
    Cancellation: ignored, see `workflows.cancel_requests`.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, state: NotifierState) -> None:
        # Its day begins with it, should nothing ever come.
        quiet = None if notifier_rules.waiting(state) else state.quiet_since or workflow.now()
        self._state = state.model_copy(update={"quiet_since": quiet})
        self._came = False
        self._cancels = CancelRequests()

    @workflow.run
    async def run(self, state: NotifierState) -> None:
        """Tell what comes, until there is nothing for long."""
        await self._cancels.outlive(self._serve(), self._show)

    async def _serve(self) -> None:
        while True:
            self._came = False
            self._state, message = notifier_rules.next_message(self._state, workflow.now())
            self._show()
            if message is not None:
                await self._send(message)
                continue
            over = notifier_rules.forgotten_at(self._state)
            if over is not None and over <= workflow.now():
                return
            if self._should_continue():
                workflow.continue_as_new(self._state)
            await self._next_change()

    @workflow.signal(description="Something to tell; once for each id.")
    def fact(self, fact: Fact) -> None:
        """Take it; it goes out with what else comes within seconds."""
        self._state = notifier_rules.take(self._state, fact, workflow.now())
        self._came = True

    @workflow.query(description="The whole state: channel, what waits, what went out, trouble.")
    def state(self) -> NotifierState:
        """Everything the notifier knows."""
        return self._state

    async def _send(self, message: Message) -> None:
        """Have the message sent; if nobody takes it, it comes again after a pause."""
        try:
            sent: Sent = await workflow.execute_activity_method(
                Notifying.send_notification,
                SendInput(channel=self._state.channel, message=message),
                summary=headline(message)[:200],
                **send_options(),
            )
        except ActivityError as error:
            cause = error.cause
            reason = cause.message if isinstance(cause, FailureError) else str(cause or error)
            workflow.logger.warning("%s: %s", self._state.channel.label, reason)
            self._state = notifier_rules.given_up(
                self._state, workflow.now(), reason[:MESSAGE_LIMIT]
            )
            return
        self._state = notifier_rules.sent(self._state, workflow.now(), sent.note)

    async def _next_change(self) -> None:
        """Wait for a fact, or until a message is due or the notifier's time is over."""
        at = notifier_rules.due_at(self._state) or notifier_rules.forgotten_at(self._state)
        try:
            await workflow.wait_condition(
                lambda: self._came or self._should_continue(),
                timeout=None if at is None else max(at - workflow.now(), timedelta(0)),
                timeout_summary="the next message is due, or nothing came for long",
            )
        except TimeoutError:
            return

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _show(self) -> None:
        state = self._state
        lines = [f"**{state.channel.label}**"]
        trouble = state.trouble
        if trouble is not None:
            lines.append(f"**takes nothing** since {format_slot(trouble.since)}: {trouble.reason}")
            if state.message is not None:
                lines.append(f"tried again {format_slot(trouble.retry_at)}")
        waits = notifier_rules.waiting(state)
        lines.append(f"{state.facts} facts told in {state.messages} messages, {waits} waiting")
        if state.last_sent is not None:
            note = f" ({state.note})" if state.note else ""
            lines.append(f"last message {format_slot(state.last_sent)}{note}")
        workflow.set_current_details("\n\n".join([*lines, *self._cancels.notice]))
