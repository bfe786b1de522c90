"""For which run, agent, slot and turn a process works while it logs: fields of its JSON log.

Worker side. What an activity is told names its run; a line that is logged within it, by whatever
library and in whatever thread, carries that without being told.
"""

import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from temporalio import activity, workflow
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from rota.run_ref import RunRef
from workflows.run_kit.visibility import AGENT

LogFields = dict[str, str | int]

_NONE: Mapping[str, str | int] = MappingProxyType({})
_FIELDS: ContextVar[Mapping[str, str | int]] = ContextVar("rota_log_fields", default=_NONE)
_SLOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""As `rota.ids.format_slot` writes it into the ids of runs."""
_HOLDERS = ("request", "settlement", "admission", "order")
"""Where an activity's argument names the run if it does not itself."""


@contextmanager
def logged_with(**fields: str | int) -> Generator[None]:
    """Have every line that is logged in the block carry these fields, too."""
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


class LogContext(Interceptor):
    """Worker interceptor: lines of an activity name the run that it works for."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the fields around every activity."""
        return _WithFields(next)


class _WithFields(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        fields = fields_of(info.workflow_id or "", next(iter(input.args), None))
        step = {"activity": info.activity_type, "attempt": info.attempt}
        # For good: the SDK logs how the attempt ended after this, in the task of the attempt.
        _FIELDS.set({**_FIELDS.get(), **step, **fields, **_of_trace()})
        return await super().execute_activity(input)


def fields_of(workflow_id: str, told: object) -> LogFields:
    """Return what an activity's argument says of the run: `run`, `agent`, `slot`, `turn`.

    Of what is no run's, `workflow` alone: a keeper, a topic.
    """
    holders = [told, *(getattr(told, name, None) for name in _HOLDERS)]
    run = next((r for h in holders if isinstance(r := getattr(h, "run", None), RunRef)), None)
    if run is None:
        return {"workflow": workflow_id}
    fields: LogFields = {"run": run.id}
    agent, turn = getattr(told, "agent", ""), getattr(told, "turn", None)
    if isinstance(agent, str) and agent:
        fields["agent"] = agent
    if isinstance(turn, int):
        fields["turn"] = turn
    return fields | slot_in(run.id)


def log_fields() -> LogFields:
    """Return the fields of a line that is being logged here and now."""
    fields = dict(_FIELDS.get())
    if workflow.in_workflow():
        fields |= _of_workflow()
    return fields | _of_trace()


def _of_workflow() -> LogFields:
    info = workflow.info()
    agent, slot = info.typed_search_attributes.get(AGENT), slot_in(info.workflow_id)
    if agent is None:
        return {"workflow": info.workflow_id, **slot}
    return {"run": info.workflow_id, "agent": agent, **slot}


def slot_in(id: str) -> LogFields:
    """Return the `slot` that a workflow id names, if it names one."""
    found = _SLOT.search(id)
    return {"slot": found[0]} if found else {}


def _of_trace() -> LogFields:
    """The trace that is being recorded, if this process records any."""
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is None:
        return {}
    context = tracing.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
