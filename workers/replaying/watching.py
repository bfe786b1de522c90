"""Sees what workflow code asks for while it is replayed.

During a replay Temporal takes the code's commands, compares their kind and order with the
history, and drops them. Here they are looked at before that, whole: activities and their
timeouts, timers, messages, results. An interceptor would see only those that start something.

*Source:* temporalio 1.35 `worker.WorkflowRunner`, `worker.WorkflowInstance` (both public).
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


@dataclass
class Watch:
    """What the code of one execution has asked for."""

    task_queue: str
    """Where it ran: the replayer has a queue of its own, which the code would name instead."""
    commands: list[WorkflowCommand] = field(default_factory=list[WorkflowCommand])
    """In its order, those of the newest task included."""
    length: int = 0
    """Events of the history that the newest task had seen."""
    newest: list[WorkflowCommand] = field(default_factory=list[WorkflowCommand])
    """Those of the newest task alone."""

    def note(self, length: int, commands: list[WorkflowCommand]) -> None:
        """Note what one activation came to; several may be of the same task."""
        if length != self.length:
            self.length, self.newest = length, []
        self.commands += commands
        self.newest += commands


class WatchPlugin(SimplePlugin):
    """Add it to a `Replayer` after `RotaPlugin`; `watch` is of the newest history."""

    def __init__(self) -> None:
        self.watch = Watch("")

        def runner(existing: WorkflowRunner | None) -> WorkflowRunner:
            if existing is None:
                raise TypeError("there is no workflow runner to be watched")
            return _WatchedRunner(existing, self)

        super().__init__("rota-replay", workflow_runner=runner)

    def begin(self, task_queue: str) -> Watch:
        """Forget what was seen: another history follows, of an execution on that queue."""
        self.watch = Watch(task_queue)
        return self.watch


class _WatchedRunner(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner, plugin: WatchPlugin) -> None:
        self._runner = runner
        self._plugin = plugin

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        watch = self._plugin.watch
        there = replace(det, info=replace(det.info, task_queue=watch.task_queue))
        return _WatchedInstance(self._runner.create_instance(there), watch)

    def set_worker_level_failure_exception_types(self, types: Any) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _WatchedInstance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, watch: Watch) -> None:
        self._instance = instance
        self._watch = watch

    def activate(self, act: "WorkflowActivation") -> "WorkflowActivationCompletion":
        completion = self._instance.activate(act)
        if not any(job.HasField("remove_from_cache") for job in act.jobs):
            # Copied: what follows puts large payloads elsewhere, in place.
            copies = [_copy(command) for command in completion.successful.commands]
            self._watch.note(act.history_length, copies)
        return completion

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _copy(command: WorkflowCommand) -> WorkflowCommand:
    copied = WorkflowCommand()
    copied.CopyFrom(command)
    return copied
