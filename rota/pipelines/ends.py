"""How runs, items, nodes and a whole pipeline end. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rota.failures import MESSAGE_LIMIT, FailureCategory
from rota.model import Record
from rota.pipelines.edges import accomplished, edge_fault, what_became_of
from rota.pipelines.gates import format_gate
from rota.pipelines.plan import Plan
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import After
from rota.pipelines.state import FAILING, REPEATABLE, DagState, NodeState, Phase, Place
from rota.runs import AgentRunResult, RunStatus

NAMED = 5
"""Nodes or items that a one-line reason names."""


class PipelineEnd(Record):
    """How a run of a pipeline ends, once every node has."""

    status: RunStatus
    reason: str = ""
    category: FailureCategory | None = None


def result_of_run(result: AgentRunResult) -> NodeResult:
    """What a pipeline keeps of a node's run."""
    return NodeResult(
        status=result.status,
        reason=result.reason,
        category=result.category,
        run_id=result.run_id,
        output=result.output,
        output_digest=result.output_digest,
        usage=result.usage.plus(result.below),
        tainted=result.tainted,
    )


def past_deadline(plan: Plan, name: str, now: datetime) -> NodeResult | None:
    """Return the end that a node has once its deadline, or the whole run's, has come."""
    if plan.deadline is not None and now >= plan.deadline:
        return _timed_out("the pipeline reached its limit (wall_clock)")
    gate, deadline = plan.nodes[name].deadline, plan.deadlines.get(name)
    if gate is not None and deadline is not None and now >= deadline:
        return _timed_out(f"not done by its deadline ({format_gate(gate)})")
    return None


def _timed_out(reason: str) -> NodeResult:
    category = FailureCategory.LIMIT_REACHED
    return NodeResult(status=RunStatus.TIMED_OUT, reason=reason, category=category)


def run_ended(
    plan: Plan, state: DagState, name: str, index: int, result: NodeResult, now: datetime
) -> DagState:
    """Record the end of the run in place `index` of a node.

    A failure is repeated while the node has attempts left, unless its effect is unknown. A
    run that was told to stop, and had not done its work by then, has the end it was told to
    have.
    """
    node, spec = state.node(name), plan.nodes[name]
    place = node.places[index]
    if place.phase is not Phase.RUNNING:
        return state
    told = place.cancelled_as
    if told is None and result.status is RunStatus.TIMED_OUT:
        # The run knows the deadline, too, and may have been the first to act on it.
        told = past_deadline(plan, name, now)
    if told is not None and not accomplished(result):
        kept: dict[str, object] = {"run_id": result.run_id}
        if _of_unknown_effect(result):
            kept["category"] = result.category
        result = told.model_copy(update=kept)
    result = result.model_copy(update={"attempts": place.runs})
    repeat = told is None and repeatable(result) and place.runs < spec.attempts
    if told is None and _of_unknown_effect(result) and _would_be_repeated(plan, state, name, place):
        advice = (
            "its effect is unknown, so it is not repeated: look, then run it again with "
            f"`rota rerun <run of the pipeline> --from {name}`"
        )
        # The advice last, and whole, however much the run itself had to say.
        said = (result.reason or "it failed")[: MESSAGE_LIMIT - len(advice) - 2]
        result = result.model_copy(update={"reason": f"{said}; {advice}"})
    place = place.model_copy(
        update={
            "phase": Phase.PENDING if repeat else Phase.ENDED,
            "due": now + spec.on_failure.backoff if repeat else None,
            "result": result,
            "cancelled_as": told,
            "final": told is not None,
        }
    )
    return state.with_node(name, node.with_place(index, place))


def repeatable(result: NodeResult) -> bool:
    """True of an end that a further run may mend without doing anything twice."""
    return result.status in REPEATABLE and not _of_unknown_effect(result)


def _of_unknown_effect(result: NodeResult) -> bool:
    return result.category is FailureCategory.OUTCOME_UNKNOWN


def _would_be_repeated(plan: Plan, state: DagState, name: str, place: Place) -> bool:
    if place.runs < plan.nodes[name].attempts:
        return True
    reruns = state.node(name).reruns
    dependents = (plan.nodes[other] for other in plan.dependents[name])
    return any(
        spec.after[name] is After.SUCCEEDED and spec.on_failure.rerun_upstream > reruns
        for spec in dependents
    )


def with_rerun(plan: Plan, state: DagState, name: str, now: datetime) -> NodeState | None:
    """Return the node begun anew where it failed, if a dependent still asks for that.

    Whoever asks, and however many, it is one re-run, and it counts for all of them. The
    longest pause asked for is kept.
    """
    node = state.node(name)
    failed = [
        place.result is not None and repeatable(place.result) and not place.final
        for place in node.places
    ]
    askers = [
        plan.nodes[other].on_failure
        for other in plan.dependents[name]
        if _asks(plan, state, other, name)
    ]
    if not any(failed) or not askers:
        return None
    due = now + max(asker.backoff for asker in askers)
    again = {"phase": Phase.PENDING, "due": due}
    places = (
        place.model_copy(update=again) if mend else place
        for place, mend in zip(node.places, failed, strict=True)
    )
    return node.model_copy(update={"places": tuple(places), "reruns": node.reruns + 1})


def _asks(plan: Plan, state: DagState, dependent: str, upstream: str) -> bool:
    spec = plan.nodes[dependent]
    if spec.after[upstream] is not After.SUCCEEDED:
        return False
    if spec.on_failure.rerun_upstream <= state.node(upstream).reruns:
        return False
    if state.node(dependent).phase is not Phase.PENDING:
        return False
    ends = ((other, state.node(other).result) for other in spec.after if other != upstream)
    # Nothing is run again for a node that cannot run all the same.
    return not any(end and edge_fault(spec.after[other], other, end) for other, end in ends)


def node_result(node: NodeState) -> NodeResult:
    """Return the end of a node whose places have all ended."""
    ends = tuple(place.result or NodeResult(status=RunStatus.SKIPPED) for place in node.places)
    if not node.many:
        return ends[0]
    if not ends:
        reason = "nothing to do: for_each is empty"
        return NodeResult(status=RunStatus.SKIPPED, reason=reason, items=())
    status, reason, category = _status_of_items(node.places, ends)
    outputs: list[Any] = [end.output for end in ends]
    return NodeResult(
        status=status,
        reason=reason,
        category=category,
        attempts=sum(end.attempts for end in ends),
        output=outputs,
        items=ends,
    )


def _status_of_items(
    places: tuple[Place, ...], ends: tuple[NodeResult, ...]
) -> tuple[RunStatus, str, FailureCategory | None]:
    bad = [(number, end) for number, end in enumerate(ends) if end.status in FAILING]
    for place in places:
        # The node as a whole was told to stop.
        if place.cancelled_as is not None and place.result is not None:
            told = place.cancelled_as
            if place.result.status is told.status:
                return told.status, told.reason, _category_of(ends) or told.category
    if not bad:
        return RunStatus.SUCCEEDED, "", None
    shown = "; ".join(what_became_of(f"item {number}", end) for number, end in bad[:NAMED])
    reason = f"{len(bad)} of {len(ends)} items did not succeed: {shown}"
    status = _status_of(end for _, end in bad)
    return status, reason[:MESSAGE_LIMIT], _category_of(ends) or bad[0][1].category


def _status_of(bad: Iterable[NodeResult]) -> RunStatus:
    """Return the end of a whole whose parts came to these bad ends.

    Where nothing but blocked parts went wrong it is blocked, as their agents are: people are
    told once, not for each slot.
    """
    statuses = {end.status for end in bad}
    blocked = RunStatus.BLOCKED in statuses and statuses <= {RunStatus.BLOCKED, RunStatus.CANCELLED}
    return RunStatus.BLOCKED if blocked else RunStatus.FAILED


def _category_of(ends: Iterable[NodeResult]) -> FailureCategory | None:
    """Return what the whole says of itself if one of its parts must not be repeated blindly.

    Who would repeat the whole looks at nothing else.
    """
    unknown = any(map(_of_unknown_effect, ends))
    return FailureCategory.OUTCOME_UNKNOWN if unknown else None


def pipeline_end(plan: Plan, state: DagState) -> PipelineEnd:
    """Return how the run ends: every node must have."""
    ends = {name: state.node(name).result for name in plan.nodes}
    bad = {name: end for name, end in ends.items() if end and end.status in FAILING}
    unknown = _category_of(bad.values())
    if state.stopped is not None:
        stopped = state.stopped
        category = unknown or stopped.category
        return PipelineEnd(status=stopped.status, reason=stopped.reason, category=category)
    if not bad:
        return PipelineEnd(status=RunStatus.SUCCEEDED)
    names = list(bad)
    told = "; ".join(what_became_of(name, bad[name]) for name in names[:NAMED])
    if len(names) > NAMED:
        told += f"; and {len(names) - NAMED} more"
    return PipelineEnd(
        status=_status_of(bad.values()),
        reason=told[:MESSAGE_LIMIT],
        category=unknown or bad[names[0]].category,
    )
