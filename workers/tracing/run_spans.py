"""The span of each run, and what the spans of its steps have in common.

Worker side. A run's span is made by whichever worker has the run, with an id and times that its
history determines: replayed, evicted or moved to another worker, it is the same span, and it is
sent once, when the run ends. Commands do not change: the plugin adds a header to them, no more.
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from activities.tracing import recorded_by
from rota.spans import Attributes, Operation, conversation_of
from workers.log_context import fields_of, slot_in
from workers.tracing.recorder import OtelRecorder

RUNS: Mapping[str, tuple[Operation, str, str]] = {
    "AgentRun": (Operation.INVOKE_AGENT, "agent", "gen_ai.agent.name"),
    "BacktestCase": (Operation.INVOKE_AGENT, "agent", "gen_ai.agent.name"),
    "PipelineRun": (Operation.INVOKE_WORKFLOW, "pipeline", "gen_ai.workflow.name"),
    "Backtest": (Operation.INVOKE_WORKFLOW, "agent", "gen_ai.workflow.name"),
}
"""By workflow type: the operation, where its argument names whose run it is, and as what."""
GOOD = ("succeeded", "skipped")
_FIELDS = {
    "run": "rota.run",
    "agent": "gen_ai.agent.name",
    "slot": "rota.slot",
    "turn": "rota.turn",
}


class RunSpans(Interceptor):
    """Worker interceptor; must come after the plugin's own, which knows the parent."""

    def __init__(self, *, content: bool) -> None:
        self._content = content

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return the interceptor of one workflow execution."""
        return _Run

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Let activities record spans."""
        return _Recorded(next, self._content)


class _Recorded(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, content: bool) -> None:
        super().__init__(next)
        self._content = content

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        fields = fields_of(info.workflow_id or "", next(iter(input.args), None))
        common: Attributes = {_FIELDS[name]: fields[name] for name in fields if name in _FIELDS}
        common["rota.attempt"] = info.attempt
        with recorded_by(OtelRecorder(common, content=self._content)):
            return await super().execute_activity(input)


class _Run(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        kind = RUNS.get(workflow.info().workflow_type)
        if kind is None:
            return await self._of_no_run(input)
        span = _begun(*kind, next(iter(input.args), None))
        with _within(trace.set_span_in_context(span)):
            try:
                result = await super().execute_workflow(input)
            except (FailureError, asyncio.CancelledError) as error:
                _end(span, _said(error) or {"status": _otherwise(error)})
                raise
            except workflow.ContinueAsNewError:
                _end(span, {})
                raise
        _end(span, _fields(result))
        return result

    async def _of_no_run(self, input: ExecuteWorkflowInput) -> Any:
        """Keepers live on: what they do later is no part of what first called them."""
        with _within(context.Context()):
            return await super().execute_workflow(input)


@contextmanager
def _within(where: context.Context) -> Generator[None]:
    """Attach a context; a run that is dropped from memory may be taken apart in any other."""
    token = context.attach(where)
    try:
        yield
    finally:
        with suppress(ValueError):
            token.var.reset(token)


def _begun(operation: Operation, key: str, attribute: str, argument: object) -> Span:
    info = workflow.info()
    name = getattr(argument, key, "") or info.workflow_type
    attributes: Attributes = {
        "gen_ai.operation.name": operation.value,
        attribute: name,
        "rota.run": info.workflow_id,
        **({"rota.slot": slot["slot"]} if (slot := slot_in(info.workflow_id)) else {}),
        **({"rota.continued": "true"} if info.continued_run_id else {}),
    }
    return trace.get_tracer("rota").start_span(
        f"{operation.value} {name}",
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        # As Temporal shows it, so the wait for a worker is part of it.
        start_time=int(info.start_time.timestamp() * 1e9),
    )


def _end(span: Span, ended: Mapping[str, Any]) -> None:
    """Send the span, unless all this is being replayed: then it was sent before."""
    attributes: Attributes = {}
    for key, attribute in (("status", "rota.status"), ("trigger", "rota.trigger")):
        if value := ended.get(key):
            attributes[attribute] = str(value)
    if isinstance(turns := ended.get("turns"), int):
        attributes["rota.turns"] = turns
    if ended.get("agent") and ended.get("session"):
        session = conversation_of(str(ended["agent"]), str(ended["session"]))
        attributes["gen_ai.conversation.id"] = session
    status = attributes.get("rota.status")
    if status is not None and status not in GOOD:
        attributes["error.type"] = str(ended.get("category") or status)
        span.set_status(StatusCode.ERROR)
    span.set_attributes(attributes)
    span.end(workflow.time_ns())


def _said(error: BaseException) -> Mapping[str, Any]:
    """What a run that ended badly says of itself: the first detail of its failure."""
    details = error.details if isinstance(error, ApplicationError) else ()
    first = details[0] if details else None
    return cast("dict[str, Any]", first) if isinstance(first, dict) else {}


def _otherwise(error: BaseException) -> str:
    return "failed" if isinstance(error, ApplicationError) else "cancelled"


def _fields(result: object) -> Mapping[str, Any]:
    if not isinstance(result, BaseModel):
        return {}
    return result.model_dump(
        mode="json", include={"agent", "session", "status", "trigger", "turns", "category"}
    )
