"""What a keeper tells runs that wait, read where it arrives: in their histories."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

import workflows.keeper_kit.lookout
import workflows.keeper_kit.ordered
from rota.coordination.upstream import NeedAnswer
from rota.ids import keeper_id
from tests.stack import Stack
from tests.workflows.gates import poll


async def upstream_settled(stack: Stack, run: WorkflowHandle[Any, Any]) -> NeedAnswer:
    """Wait for the keeper's word that an upstream is final; there is one only."""

    async def ask() -> NeedAnswer | None:
        events = (await run.fetch_history()).events
        received = [event.workflow_execution_signaled_event_attributes for event in events]
        words = [word.input for word in received if word.signal_name == "upstream_settled"]
        assert len(words) <= 1
        if not words:
            return None
        (answer,) = await stack.client.data_converter.decode(words[0].payloads, [NeedAnswer])
        return answer

    return await poll(ask)


async def message_events(stack: Stack, agent: str) -> list[str]:
    """The keeper's history by event type, workflow tasks left out."""
    history = await stack.client.get_workflow_handle(keeper_id(agent)).fetch_history()
    names = [event.WhichOneof("attributes") or "" for event in history.events]
    kinds = [name.removesuffix("_event_attributes") for name in names]
    return [kind for kind in kinds if not kind.startswith("workflow_task")]


def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have keepers look after suspects every second, and start again as soon."""
    often = timedelta(seconds=1)
    monkeypatch.setattr(workflows.keeper_kit.lookout, "RECLAIM_INTERVAL", often)
    monkeypatch.setattr(workflows.keeper_kit.ordered, "RECLAIM_INTERVAL", often)
