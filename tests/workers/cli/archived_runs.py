"""What tests do to runs that have ended: archive, forget, collect."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from activities.audit.closed_runs import last_execution
from activities.audit.collecting import Collector
from activities.audit.roots import server_roots
from rota.audit.collected import GcReport
from rota.audit.retention import FleetRetention
from rota.run_ref import RunRef
from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota
from workers.cli.exit_codes import ExitCode


async def run_rota(stack: Stack, *arguments: str) -> Ended:
    """Run a command for this stack."""
    return await rota(
        *arguments,
        *("--address", stack.address, "--store", stack.store.address),
        *("--task-queue", stack.task_queue, "--fleet", str(stack.folder)),
    )


async def forget(stack: Stack, run_id: str) -> None:
    """Have the server forget a run, as it does when retention is over."""
    service = stack.client.workflow_service
    await service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=stack.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=run_id),
        )
    )
    while await last_execution(stack.client, RunRef(id=run_id, key=str(uuid4()))) is not None:
        pass


async def archived(stack: Stack, agent: str, count: int) -> None:
    """Archive until so many runs of the agent are."""
    file = stack.folder / "fleet.yaml"
    if not file.exists():
        file.write_text("name: test\n")
    found = 0
    while found < count:
        ended = await run_rota(stack, "audit", "archive", "--agent", agent, "--json")
        assert ended.code == ExitCode.OK, ended.err
        found += ended.json["archived"]


async def collected(stack: Stack, days: int, **classes: timedelta) -> GcReport:
    """Collect as if so many days had passed."""

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(days=days)

    collector = Collector(
        stack.store,
        lambda gone: server_roots(stack.client, stack.store, gone),
        stack.client.namespace,
        FleetRetention("test", classes),
        later,
    )
    return await collector.collect(timedelta(days=7), dry_run=False)
