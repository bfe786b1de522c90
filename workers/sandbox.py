"""Temporal's sandbox, without entering it for what Rota's payloads do not need.

Before and after each activation the SDK asks the workflow instance, for every payload and
six times over, which context its conversion and storage should know. The sandboxed
instance enters the sandbox to answer, which took a third of a busy worker's Python time.
Rota's converter has no use for a context and its store addresses by content, so the
answer is always the same.

*Source:* temporalio 1.35 `worker._workflow._CommandAwareDataConverter`.
"""

from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

_NO_TARGET = StorageDriverStoreContext(target=None)


class ContextFreeSandbox(SandboxedWorkflowRunner):
    """Runs workflows in the sandbox; needs converters and storage that ignore contexts."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Create a sandboxed instance of a workflow."""
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: "WorkflowActivation") -> "WorkflowActivationCompletion":
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return _NO_TARGET

    def get_info(self) -> workflow.Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
