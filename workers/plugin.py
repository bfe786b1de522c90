"""The one plugin: client, worker, replayer and tests are configured by it alike.

Whatever must be equal on every side is here, so that no side can drift: the converter
with external storage and encryption, the sandbox's passthrough list, the workflows, the
failure types.
"""

from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.converter import data_converter
from activities.encryption.encryption import Encryption
from activities.stores.base import ObjectStore
from workers.sandbox import ContextFreeSandbox
from workflows.agent import AgentWorkflow
from workflows.agent_run import AgentRunWorkflow
from workflows.argument_guard import ArgumentGuard
from workflows.backtest import BacktestWorkflow
from workflows.backtest_case import BacktestCaseWorkflow
from workflows.breaker import BreakerWorkflow
from workflows.budget import BudgetWorkflow
from workflows.notifier import NotifierWorkflow
from workflows.pipeline_run import PipelineRunWorkflow
from workflows.resource_lock import ResourceLockWorkflow
from workflows.topic import TopicWorkflow
from workflows.watchdog import WatchdogWorkflow

RUN_WORKFLOWS: tuple[type, ...] = (AgentRunWorkflow, PipelineRunWorkflow)
"""Served from the task queue itself."""
WHAT_IF_WORKFLOWS: tuple[type, ...] = (BacktestWorkflow, BacktestCaseWorkflow)
"""Served with the runs; no run of an agent, and nothing that its keeper hears of."""
KEEPER_WORKFLOWS: tuple[type, ...] = (
    AgentWorkflow,
    BreakerWorkflow,
    BudgetWorkflow,
    NotifierWorkflow,
    ResourceLockWorkflow,
    TopicWorkflow,
    WatchdogWorkflow,
)
"""Served from the keepers' own queue."""
WATCH_WORKFLOWS: tuple[type, ...] = (NotifierWorkflow, WatchdogWorkflow)
"""Served from the Watchdog's own queue, if a fleet declares one."""

PASSED_THROUGH = (
    "rota",  # pure models and decisions; importing them anew cost 270 ms a run
    "activities",  # workflows see activities.interface only: signatures
    "workflows",  # no module-level state; the linter bans clocks and randomness in them
    "pydantic_core",  # a compiled module, which the sandbox cannot import twice
    "annotated_types",  # pydantic's constraints, compared by identity
)


class RotaPlugin(SimplePlugin):
    """Give it to `Client.connect` (workers inherit it) or to `Replayer`, never to both."""

    def __init__(self, store: ObjectStore | None, encryption: Encryption | None = None) -> None:
        converter = data_converter(store, encryption)

        def runner(existing: WorkflowRunner | None) -> WorkflowRunner:
            if not isinstance(existing, SandboxedWorkflowRunner):
                raise TypeError("Rota's workflows run in Temporal's sandbox only")
            restrictions = existing.restrictions.with_passthrough_modules(*PASSED_THROUGH)
            return ContextFreeSandbox(restrictions, existing.runner_class)

        def convert(_existing: DataConverter | None) -> DataConverter:
            return converter

        super().__init__(
            "rota",
            data_converter=convert,
            workflow_runner=runner,
            interceptors=[ArgumentGuard()],
            # Narrow on purpose: with `Exception` a non-deterministic deploy would fail
            # every open run instead of waiting for good code.
            workflow_failure_exception_types=[],
        )
