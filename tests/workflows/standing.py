"""What a run in progress shows of itself: its status and what it waits for."""

from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from rota.runs import RunStatus
from tests.workflows.gates import poll
from workflows.run_kit.visibility import STATUS

Run = WorkflowHandle[Any, Any]


def this_second() -> datetime:
    """A slot whose gates lie in the seconds to come."""
    return datetime.now(UTC).replace(microsecond=0)


async def waits(run: Run, status: RunStatus = RunStatus.WAITING) -> list[str]:
    """Wait until the run stands still like this; what it says it waits for."""

    async def ask() -> list[str] | None:
        shown = (await run.describe()).typed_search_attributes.get(STATUS)
        return (await run.query("status"))["waiting_for"] if shown == status.value else None

    return await poll(ask)
