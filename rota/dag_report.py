"""A pipeline's nodes as people are told of them, at work or ended. Pure."""

from collections import Counter

from rota.dag_edges import standing
from rota.dag_plan import Plan
from rota.dag_state import DagState, NodeState, Phase, Place
from rota.ids import format_slot
from rota.pipeline_run import NodeResult, PipelineResult
from rota.runs import RunStatus

ROWS = 60
"""Nodes shown in a table: what the server keeps of a workflow's details is bounded."""
CELL = 120
"""Characters of one remark in it."""
MEMO_ITEMS = 200
"""Items listed in a finished run's memo; beyond that a node says how many there were."""
MEMO_REASON = 200


def node_reports(plan: Plan, state: DagState) -> dict[str, NodeResult]:
    """Return every declared node as it stands: its end, or `waiting` or `running`.

    Each comes after those it waits for.
    """
    return {name: _report(state.node(name)) for name in plan.order}


def table(plan: Plan, state: DagState) -> str:
    """Return the nodes as Markdown: how many stand how, then what is at work, bad or open."""
    reports = {name: _report(state.node(name), items=False) for name in plan.order}
    counts = Counter(report.status.value for report in reports.values())
    lines = ["**" + " · ".join(f"{count} {status}" for status, count in counts.items()) + "**"]
    if state.stopped is not None:
        lines[0] += f" · ending: {state.stopped.reason}"
    shown = _shown(reports)
    lines += ["", "| node | status | |", "|---|---|---|"]
    for name in shown:
        remark = _remark(plan, state, name, reports[name])[:CELL].replace("|", "\\|")
        lines.append(f"| {name} | {reports[name].status.value} | {remark} |".replace("\n", " "))
    if len(shown) < len(reports):
        lines += ["", f"and {len(reports) - len(shown)} more"]
    return "\n".join(lines)


def without_outputs(result: PipelineResult) -> PipelineResult:
    """Return the result as small as it goes into the run's memo."""
    nodes = {name: _small(node) for name, node in result.nodes.items()}
    return result.model_copy(update={"nodes": nodes, "input": {}})


def _small(node: NodeResult) -> NodeResult:
    items = node.items
    few = items is not None and len(items) <= MEMO_ITEMS
    return node.model_copy(
        update={
            "output": None,
            "reason": node.reason[:MEMO_REASON],
            "items": tuple(_small(item) for item in items) if items and few else None,
        }
    )


def _report(node: NodeState, *, items: bool = True) -> NodeResult:
    if node.result is not None:
        return node.result
    if node.phase is Phase.PENDING:
        return NodeResult(status=RunStatus.WAITING)
    if not node.many:
        return _place_report(node.places[0])
    parts = tuple(_place_report(place) for place in node.places) if items else None
    attempts = sum(place.runs for place in node.places)
    return NodeResult(status=RunStatus.RUNNING, attempts=attempts, items=parts)


def _place_report(place: Place) -> NodeResult:
    if place.phase is Phase.ENDED and place.result is not None:
        return place.result
    status = RunStatus.RUNNING if place.phase is Phase.RUNNING else RunStatus.WAITING
    return NodeResult(status=status, attempts=place.runs)


def _shown(reports: dict[str, NodeResult]) -> list[str]:
    """Choose the nodes to show: at work and bad ones before those that wait or are done."""
    rank = {
        RunStatus.RUNNING: 0,
        RunStatus.WAITING: 2,
        RunStatus.SKIPPED: 3,
        RunStatus.SUCCEEDED: 4,
    }
    chosen = sorted(reports, key=lambda name: rank.get(reports[name].status, 1))[:ROWS]
    kept = set(chosen)
    return [name for name in reports if name in kept]


def _remark(plan: Plan, state: DagState, name: str, report: NodeResult) -> str:
    node = state.node(name)
    if node.result is not None:
        return node.result.reason
    if node.phase is Phase.PENDING:
        waits_for = standing(plan, state, name).waits_for
        if waits_for:
            return f"after {', '.join(waits_for)}"
        gate = plan.not_before.get(name)
        return f"not before {format_slot(gate)}" if gate else ""
    if node.many:
        ended = sum(place.phase is Phase.ENDED for place in node.places)
        return f"{ended} of {len(node.places)} items done"
    due = node.places[0].due
    if due is not None:
        return f"again at {format_slot(due)}"
    return f"attempt {report.attempts}" if report.attempts > 1 else ""
