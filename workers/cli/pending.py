"""What is heard of a run's work at this moment: the heartbeats of its activities.

Read from the server's description of the run, so it needs no worker's answer.
"""

import asyncio
from collections.abc import Callable

from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from workers.cli.output import now
from workers.cli.steps import StepLine

INTERVAL_SECONDS = 1.0
"""As often as activities beat."""


async def progress_of(described: WorkflowExecutionDescription) -> list[str]:
    """Return the last words of each activity at work; one that has said nothing is left out."""
    texts: list[str] = []
    for pending in described.raw_description.pending_activities:
        if not pending.HasField("heartbeat_details"):
            continue
        details = await described.data_converter.decode(pending.heartbeat_details.payloads)
        match pending.activity_type.name, details:
            case "observe_session", [str(), str(text), int()] if text:  # cursor, text, failures
                texts.append(text)
            case "run_tool", [str(text)] if text not in ("", "starting"):
                texts.append(text)
            case _:
                pass  # others say no more than that they are at work
    return texts


async def tell_progress(client: Client, run_id: str, say: Callable[[StepLine], None]) -> None:
    """Say what is new of the run's progress until cancelled; only what is heard meanwhile.

    What cannot be read now is not told: the steps beside it say whether the server is there.
    """
    told: list[str] = []
    while True:
        # At first too: what happened before stands in the history, which is told beside.
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            heard = await progress_of(await client.get_workflow_handle(run_id).describe())
        except RPCError:
            heard = told
        for text in heard:
            if text not in told:
                say(StepLine(now(), text))
        told = heard
