"""Turn a wrong number of arguments into a clean refusal.

The SDK drops the declared types when the counts differ, and calls the function all the
same: the TypeError that follows is a failed workflow task, repeated for ever. A typo on
the command line must not leave a run hanging, nor one bad signal stop a keeper for good.

Source: temporalio 1.35, `_WorkflowInstanceImpl._convert_payloads`.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, cast

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from rota.failures import PAYLOAD_ERROR_TYPE


class ArgumentGuard(Interceptor):
    """Worker interceptor; part of `RotaPlugin`."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return the interceptor of one workflow execution."""
        return _Guard


class _Guard(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        # The unbound method's first parameter is the workflow itself.
        problem = _problem(input.run_fn, [None, *input.args], but=1)
        if problem:
            raise _refusal(f"workflow {workflow.info().workflow_type} {problem}")
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        handler = cast("Callable[..., Any] | None", workflow.get_signal_handler(input.signal))
        problem = _problem(handler, input.args) if handler else ""
        if problem:
            workflow.logger.warning("dropped: signal %s %s", input.signal, problem)
            return
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        # Not in the validator: the SDK asks that only where an update defines one.
        handler = cast("Callable[..., Any] | None", workflow.get_update_handler(input.update))
        problem = _problem(handler, input.args) if handler else ""
        if problem:
            raise _refusal(f"update {input.update} {problem}")
        return await super().handle_update_handler(input)


def _problem(function: Callable[..., Any], args: Sequence[Any], but: int = 0) -> str:
    """Say what is wrong with the number of arguments; empty if nothing is."""
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        wanted = len(inspect.signature(function).parameters) - but
        return f"takes {wanted} JSON argument{'s' * (wanted != 1)}, not {len(args) - but}"
    return ""


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type=PAYLOAD_ERROR_TYPE, non_retryable=True)
