"""What an n8n execution says: how it stands, what it waits for, what it came to."""

from typing import Any, Literal, cast

from activities.providers.json_fields import field, optional_field
from activities.providers.mapped_answers import mapped_answer, value_at
from activities.runtimes.n8n_api import VENDOR, json_list, json_object
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.n8n import N8nSettings
from rota.runtimes.session import Collected

Standing = Literal["running", "waiting", "ended"]

_STANDINGS: dict[str, Standing] = {
    "new": "running",
    "running": "running",
    "unknown": "running",
    "waiting": "waiting",
    "success": "ended",
    "error": "ended",
    "crashed": "ended",
    "canceled": "ended",
}
_WAIT_NODE = "n8n-nodes-base.wait"
_BY_PERSONS = ("webhook", "form")
"""What a Wait node may wait for besides time."""


def status_of(execution: dict[str, Any]) -> str:
    """Return n8n's word for how it stands."""
    return field(execution, "status", str, VENDOR)


def standing(execution: dict[str, Any]) -> Standing:
    """Return what that means.

    Raises:
        StepError: `outcome_invalid`: n8n has no such status that we know.
    """
    status = status_of(execution)
    if status not in _STANDINGS:
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"{VENDOR}'s execution has a status that is not known, '{status[:40]}'",
            maybe_billed=True,
        )
    return _STANDINGS[status]


def waits_for(execution: dict[str, Any]) -> str | None:
    """Say what a waiting execution waits for; None if only for time to pass.

    Args:
        execution: With its data.
    """
    name = optional_field(execution, "data.resultData.lastNodeExecuted", str, VENDOR) or ""
    nodes = value_at(execution, "workflowData.nodes")
    for node in cast("list[Any]", nodes if isinstance(nodes, list) else []):
        if isinstance(node, dict) and cast("dict[str, Any]", node).get("name") == name:
            kind = optional_field(node, "type", str, VENDOR)
            # Without the setting, a Wait node waits for time.
            resume = optional_field(node, "parameters.resume", str, VENDOR)
            if kind == _WAIT_NODE and resume not in _BY_PERSONS:
                return None
    return f"{VENDOR} waits at '{name}'" if name else f"{VENDOR} waits"


def collected(execution: dict[str, Any], settings: N8nSettings) -> Collected:
    """Read the result of an execution that has ended.

    Args:
        execution: With its data.
        settings: Says which node has the result, and where.

    Raises:
        StepError: `tool_failed`: it failed, crashed or was canceled; `outcome_invalid`: its
            data are not there, or not as declared.
    """
    status = status_of(execution)
    if status != "success":
        raise StepError(FailureCategory.TOOL_FAILED, f"{VENDOR}: {_failure(execution, status)}")
    if optional_field(execution, "data.redactionInfo.isRedacted", bool, VENDOR):
        raise _no_data(
            "are redacted; let the workflow keep them, or give the key the scope execution:reveal"
        )
    if not value_at(execution, "data.resultData.runData"):
        raise _no_data("were not saved; save successful production executions in its settings")
    runs = json_object(execution, "data.resultData.runData")
    name = settings.node
    if name is None:
        name = field(execution, "data.resultData.lastNodeExecuted", str, VENDOR)
    if name not in runs:
        where = "runtime.node" if settings.node else "the last node"
        raise _no_data(f"have no output of '{name}' ({where}); executed: {', '.join(runs)[:300]}")
    return mapped_answer(_output(runs, name), settings.answer, vendor=f"{VENDOR}'s node '{name}'")


def _output(runs: dict[str, Any], name: str) -> Any:
    """The JSON of what a node put out in its last run: of one item itself, of more a list."""
    tries = json_list({"runs": runs[name]}, "runs")
    outputs = json_list(tries[-1] if tries else None, "data.main")
    # One list of items for each of the node's exits, null for one that was not taken.
    items = [
        json_object(item, "json") for output in outputs for item in cast("list[Any]", output or [])
    ]
    if not items:
        raise _no_data(f"hold no item put out by '{name}'")
    return items[0] if len(items) == 1 else items


def _failure(execution: dict[str, Any], status: str) -> str:
    message = optional_field(execution, "data.resultData.error.message", str, VENDOR)
    node = optional_field(execution, "data.resultData.error.node.name", str, VENDOR)
    where = f" at '{node}'" if node else ""
    why = f": {message}" if message else ""
    return f"execution {execution.get('id')} ended as {status}{where}{why}"


def _no_data(problem: str) -> StepError:
    return StepError(
        FailureCategory.OUTCOME_INVALID,
        f"{VENDOR}: the execution's data {problem}",
        maybe_billed=True,
    )
