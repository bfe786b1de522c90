"""The reconciliation example's agents on a real server, under names of one test."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from activities.tools.fleet import load_tools
from rota.runs import AgentRunResult
from schedules.fleet import load_fleet
from tests.stack import Stack
from tests.workflows.topics import Topic

FLEET = Path(__file__).parents[2] / "examples" / "reconciliation"
LOCK = "lock:general-ledger"


class LedgerOffice:
    """Reconciliation, settlement and escalation, tied together as in their files."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.topic = Topic(stack, "completed")
        self.reconciliation = stack.name("reconciliation")
        self.settlement = stack.name("settlement")
        self.escalation = stack.name("escalation")
        self.state = stack.folder / "state" / "reconciliation.sqlite"

    async def reconcile(self, run_id: str, **more: Any) -> AgentRunResult:
        """One run of the reconciliation: the next business day."""
        return await self.stack.run(self.reconciliation, run_id, **more)

    async def result(self, run_id: str) -> AgentRunResult:
        """Wait for a run to end well."""
        handle = self.stack.client.get_workflow_handle(run_id, result_type=AgentRunResult)
        return await handle.result()

    async def declare(self) -> None:
        """Put the three in force, the settlement subscribed as declared."""
        declared = {name: self._document(name) for name in load_fleet(FLEET).agents}
        (subscription,) = declared["settlement"]["on"]
        filter, given = subscription["filter"], subscription["input"]
        for name, document in declared.items():
            # Its topic stands for the event of the file, which all tests share.
            document["on"] = []
            await self.stack.declare(self.stack.name(name), **document)
        await self.topic.subscribe(self.settlement, filter=filter, input=given)

    def _document(self, name: str) -> dict[str, Any]:
        document = load_fleet(FLEET).agents[name].spec.document
        del document["name"]
        for key in ("statements", "ledger"):
            if key in document["input"]:
                document["input"][key] = str(FLEET / document["input"][key])
        document["emits"] = [self.topic.event] if name == "reconciliation" else []
        for need in document["needs"]:
            need["agent"] = self.stack.name(need["agent"])
        text = json.dumps(document)
        return json.loads(text.replace("needs.reconciliation", f"needs.{self.reconciliation}"))


@asynccontextmanager
async def ledger_office(stack: Stack) -> AsyncIterator[LedgerOffice]:
    """A worker with the example's tools, and its agents in force; reconcile at least once."""
    office = LedgerOffice(stack)
    try:
        async with stack.worker([*load_tools(FLEET).values()]):
            await office.declare()
            yield office
    finally:
        # The lock has one name in all tests and lives on the task queue of one of them. Without
        # a worker nobody starts it again there.
        await stack.client.get_workflow_handle(LOCK).terminate("the test is over")
