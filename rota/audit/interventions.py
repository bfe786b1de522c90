"""What people did to a run while it worked, read from its histories.

Pure. Decisions, answers, more money, words on effects arrive as updates; a request to stop and an
end by force have events of their own. What keepers and locks signal is not among it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from rota.audit.histories import attributes_of, events_of, first_value, time_of, type_of
from rota.audit.run_record import ExecutionHistory

_UPDATES = {
    "decide": "decided on a call",
    "answer": "answered a question",
    "raise_budget": "gave it more to spend",
    "resolve_effect": "said what became of an effect",
}


@dataclass(frozen=True)
class Intervention:
    """Something that was done to the run from outside."""

    at: datetime
    what: str
    by: str
    """Who, as they said themselves; else the process that sent it, as the server has it."""
    text: str
    """What was said with it."""


def interventions_of(executions: Iterable[ExecutionHistory]) -> list[Intervention]:
    """Return what was done to a run, in order."""
    found: list[Intervention] = []
    for execution in executions:
        for event in events_of(execution):
            kind, told = type_of(event), attributes_of(event)
            if kind == "WorkflowExecutionUpdateAccepted":
                found.append(_update(time_of(event), told.get("acceptedRequest") or {}))
            elif kind == "WorkflowExecutionCancelRequested":
                by, text = str(told.get("identity", "")), str(told.get("cause", ""))
                found.append(Intervention(time_of(event), "asked it to stop", by, text))
            elif kind == "WorkflowExecutionTerminated":
                by, text = str(told.get("identity", "")), str(told.get("reason", ""))
                found.append(Intervention(time_of(event), "ended it by force", by, text))
    return found


def _update(at: datetime, request: dict[str, Any]) -> Intervention:
    sent: dict[str, Any] = request.get("input") or {}
    meta: dict[str, Any] = request.get("meta") or {}
    name = str(sent.get("name", ""))
    value = first_value(sent.get("args"))
    said = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    by = str(said.get("by") or meta.get("identity", ""))
    rest = {key: item for key, item in said.items() if key not in ("by", "digest")}
    text = json.dumps(rest, ensure_ascii=False) if rest else ""
    return Intervention(at, _UPDATES.get(name, f"sent '{name}'"), by, text)
