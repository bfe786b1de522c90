"""How long a worker's workflow tasks take in workflow code, measured inside the worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


@dataclass(frozen=True)
class Lap:
    """One activation of one workflow."""

    workflow_type: str
    wall: float
    """Seconds, other threads' turns with the interpreter included."""
    own: float
    """Seconds of CPU of the workflow's own thread: what its code costs on any machine."""


class Stopwatch:
    """Collects laps. Give its `plugin` to the client of the worker, after Rota's own."""

    def __init__(self) -> None:
        self.laps: list[Lap] = []

    def longest(self, workflow_type: str) -> tuple[float, float]:
        """The longest (own, wall) seconds of a workflow type, each for itself."""
        laps = [lap for lap in self.laps if lap.workflow_type == workflow_type]
        return max((lap.own for lap in laps), default=0), max((lap.wall for lap in laps), default=0)

    def spent(self, workflow_type: str) -> float:
        """Seconds of CPU that a workflow type has taken in all."""
        return sum(lap.own for lap in self.laps if lap.workflow_type == workflow_type)

    @property
    def plugin(self) -> SimplePlugin:
        """Has the worker's workflow runner timed."""

        def timed(existing: WorkflowRunner | None) -> WorkflowRunner:
            assert existing is not None, "a worker has a runner"
            return _TimedRunner(existing, self.laps)

        return SimplePlugin("stopwatch", workflow_runner=timed)


class _TimedRunner(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner, laps: list[Lap]) -> None:
        self._runner = runner
        self._laps = laps

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Timed(self._runner.create_instance(det), det.info.workflow_type, self._laps)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _Timed(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, workflow_type: str, laps: list[Lap]) -> None:
        self._instance = instance
        self._type = workflow_type
        self._laps = laps

    def activate(self, act: "WorkflowActivation") -> "WorkflowActivationCompletion":
        wall, own = perf_counter(), thread_time()
        try:
            return self._instance.activate(act)
        finally:
            self._laps.append(Lap(self._type, perf_counter() - wall, thread_time() - own))

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
