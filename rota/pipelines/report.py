"""A pipeline's nodes as people are told of them, at work or ended. Pure."""

from collections import Counter

from rota.ids import format_slot
from rota.pipelines.edges import standing
from rota.pipelines.plan import Plan
from rota.pipelines.run import NodeResult, PipelineResult
from rota.pipelines.state import DagState, NodeState, Phase, Place
from rota.runs import RunStatus

ROWS = 60
"""Nodes shown in a table: what the server keeps of a workflow's details is bounded."""
CELL = 120
"""Characters of one remark in it."""
MEMO_ITEMS = 200
"""Items listed in a finished run's memo; beyond that a node says how many there were."""
MEMO_REASON = 200
_RANK = {
    RunStatus.RUNNING: 0,
    RunStatus.WAITING: 2,
    RunStatus.SKIPPED: 3,
    RunStatus.SUCCEEDED: 4,
}
"""Which nodes a table shows rather than others; those that ended badly are 1."""


def node_reports(plan: Plan, state: DagState) -> dict[str, NodeResult]:
    """Return every declared node as it stands: its end, or `waiting` or `running`.

    Each comes after those it waits for. One that waits for the clock says so.
    """
    return {name: _report(plan, state, name) for name in plan.order}


def table(plan: Plan, state: DagState) -> str:
    """Return the nodes as Markdown: how many stand how, then what is at work, bad or open.

    Made at every step of a run, so what is not shown costs little.
    """
    statuses = {name: _status(state.node(name)) for name in plan.order}
    counts = Counter(statuses.values())
    lines = [
        "**" + " · ".join(f"{count} {status.value}" for status, count in counts.items()) + "**"
    ]
    if state.stopped is not None:
        lines[0] += f" · ending: {state.stopped.reason}"
    shown = _shown(statuses)
    lines += ["", "| node | status | |", "|---|---|---|"]
    for name in shown:
        remark = _remark(plan, state, name)[:CELL].replace("|", "\\|")
        lines.append(f"| {name} | {statuses[name].value} | {remark} |".replace("\n", " "))
    if len(shown) < len(statuses):
        lines += ["", f"and {len(statuses) - len(shown)} more"]
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


def _status(node: NodeState) -> RunStatus:
    """Return the status that `_report` tells, without making the rest of it."""
    if node.result is not None:
        return node.result.status
    if node.phase is Phase.PENDING:
        return RunStatus.WAITING
    return RunStatus.RUNNING if node.many else _place_status(node.places[0])


def _report(plan: Plan, state: DagState, name: str) -> NodeResult:
    node = state.node(name)
    if node.result is not None:
        return node.result
    if node.phase is Phase.PENDING:
        # What it waits for among the nodes changes with each of them, and the graph shows it.
        held = () if name not in plan.not_before else standing(plan, state, name).waits_for
        return NodeResult(status=RunStatus.WAITING, reason="" if held else _gate(plan, name))
    if not node.many:
        return _place_report(node.places[0])
    parts = tuple(_place_report(place) for place in node.places)
    attempts = sum(place.runs for place in node.places)
    return NodeResult(status=RunStatus.RUNNING, attempts=attempts, items=parts)


def _place_report(place: Place) -> NodeResult:
    if place.phase is Phase.ENDED and place.result is not None:
        return place.result
    return NodeResult(status=_place_status(place), reason=_pause(place), attempts=place.runs)


def _place_status(place: Place) -> RunStatus:
    if place.phase is Phase.ENDED and place.result is not None:
        return place.result.status
    return RunStatus.RUNNING if place.phase is Phase.RUNNING else RunStatus.WAITING


def _shown(statuses: dict[str, RunStatus]) -> list[str]:
    """Choose the nodes to show: at work and bad ones before those that wait or are done."""
    if len(statuses) <= ROWS:
        return list(statuses)
    ranks: list[list[str]] = [[], [], [], [], []]
    for name, status in statuses.items():
        ranks[_RANK.get(status, 1)].append(name)
    chosen = set([name for rank in ranks for name in rank][:ROWS])
    return [name for name in statuses if name in chosen]


def _remark(plan: Plan, state: DagState, name: str) -> str:
    node = state.node(name)
    if node.result is not None:
        return node.result.reason
    if node.phase is Phase.PENDING:
        waits_for = standing(plan, state, name).waits_for
        if waits_for:
            return f"after {', '.join(waits_for)}"
        return _gate(plan, name)
    if node.many:
        ended = sum(place.phase is Phase.ENDED for place in node.places)
        return f"{ended} of {len(node.places)} items done"
    place = node.places[0]
    return _pause(place) or (f"attempt {place.runs}" if place.runs > 1 else "")


def _gate(plan: Plan, name: str) -> str:
    gate = plan.not_before.get(name)
    return f"not before {format_slot(gate)}" if gate else ""


def _pause(place: Place) -> str:
    return f"again at {format_slot(place.due)}" if place.due is not None else ""
