"""Channels of a stack with real receivers, and their notifiers."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.notifying import NotifyingActivities
from activities.server_errors import is_missing
from rota.connections import Connections
from rota.ids import notifier_id
from rota.notices.facts import Channel, Fact, PostInput, channels_of
from rota.notices.notifier import NotifierPolicy, NotifierState
from rota.notices.spec import NotifySpec, Occasion
from tests.fakes.hook_receiver import HookReceiver
from tests.stack import Stack
from tests.workflows.gates import poll

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
QUICK = NotifierPolicy(group_seconds=0.2, per_minute=100)


def hook(stack: Stack, receiver: HookReceiver, *on: Occasion) -> dict[str, Any]:
    """An entry of `notify` that tells `receiver`."""
    key = stack.folder / "hook-secret"
    key.write_text(SECRET)
    entry: dict[str, Any] = {"webhook": {"url": receiver.url, "secret": f"file:{key}"}}
    return {**entry, "on": [each.value for each in on]} if on else entry


def slack(folder: Path, receiver: HookReceiver) -> dict[str, Any]:
    """An entry that tells a Slack-compatible webhook."""
    key = folder / "slack-url"
    key.write_text(receiver.url)
    return {"slack": f"file:{key}"}


class Line:
    """One channel of a stack, as runs post to it."""

    def __init__(self, stack: Stack, entry: dict[str, Any]) -> None:
        self.stack = stack
        self.spec = NotifySpec.model_validate(entry)
        self.desk = NotifyingActivities(
            stack.client, Connections(), policy=stack.notifier_policy, ui="https://ui.example/"
        )

    @property
    def channel(self) -> Channel:
        """Where it leads."""
        (found,) = channels_of(self.spec, self.stack.task_queue)
        return found

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The notifier's workflow."""
        return self.stack.client.get_workflow_handle(notifier_id(self.channel.digest))

    async def post(self, *facts: Fact) -> None:
        """Post as the activity of a run does."""
        input = PostInput(facts=facts, notify=(self.spec,), task_queue=self.stack.task_queue)
        await self.desk.post_facts(input)

    async def state(self) -> NotifierState:
        """What the notifier knows."""
        return await self.handle.query("state", result_type=NotifierState)

    async def told(self, facts: int, seconds: float = 20.0) -> NotifierState:
        """Wait until so many facts were told."""
        return await self._once(lambda state: state.facts >= facts, seconds)

    async def in_trouble(self) -> NotifierState:
        """Wait until a message was given up."""
        return await self._once(lambda state: state.trouble is not None)

    async def _once(
        self, looks: Callable[[NotifierState], bool], seconds: float = 20.0
    ) -> NotifierState:
        async def ask() -> NotifierState | None:
            try:
                state = await self.state()
            except RPCError as error:
                if not is_missing(error):
                    raise
                return None  # nobody has told anything yet
            return state if looks(state) else None

        return await poll(ask, seconds)


async def details_of(handle: WorkflowHandle[Any, Any]) -> str:
    """What the workflow shows of itself in the UI."""
    metadata = await handle.query("__temporal_workflow_metadata")
    return str(metadata.current_details)


def no_way_out_at_first(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have the first facts fail to be handed over; return what is set once they have."""
    whole, tried = vars(NotifyingActivities)["_post"], asyncio.Event()

    async def at_first_broken(*given: object) -> None:
        if not tried.is_set():
            tried.set()
            raise ApplicationError("no way out", non_retryable=True)
        await whole(*given)

    monkeypatch.setattr("workflows.notifying.POST_PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(NotifyingActivities, "_post", at_first_broken)
    return tried
