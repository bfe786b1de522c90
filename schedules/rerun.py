"""Which ends of a pipeline's run a re-run keeps, and what it is for.

Pure. What is kept is not run again: the new run begins with these ends, outputs included.
Everything else is looked at afresh, so a node that was skipped for the sake of a failure
gets its turn.
"""

from collections.abc import Mapping
from datetime import datetime

from rota.coordination.lineage import Lineage
from rota.pipelines.edges import accomplished, standing
from rota.pipelines.plan import Clock, Plan, plan_of
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import PipelineSpec
from rota.pipelines.state import initial_state
from rota.runs import EARLIEST
from schedules.explain import suggest


class RerunError(ValueError):
    """A re-run that makes no sense; the message says what to write instead."""


def kept_from_failed(spec: PipelineSpec, ends: Mapping[str, NodeResult]) -> dict[str, NodeResult]:
    """Return the ends of nodes whose work is done, in the order of the declaration."""
    return {name: ends[name] for name in spec.nodes if name in ends and accomplished(ends[name])}


def kept_from_node(
    spec: PipelineSpec, ends: Mapping[str, NodeResult], node: str
) -> dict[str, NodeResult]:
    """Return the ends of all nodes but `node` and what comes after it, good or bad.

    Args:
        spec: The declaration in force, which the re-run follows.
        ends: How the nodes stood when the earlier run ended.
        node: Where to begin.

    Raises:
        RerunError: there is no such node, or it could not run with what came before it.
        rota.pipelines.plan.PlanError: the declaration makes no graph.
    """
    if node not in spec.nodes:
        hint = suggest(node, list(spec.nodes))
        raise RerunError(f"pipeline {spec.name} has no node '{node}'; {hint}")
    plan = _shape(spec)
    kept = {
        name: ends[name]
        for name in spec.nodes
        if name in ends
        and ends[name].status.closed
        and name != node
        and not plan.is_before(node, name)
    }
    never = standing(plan, initial_state(kept, tuple(spec.nodes)), node).never
    if never:
        raise RerunError(
            f"{node} could not run: {never}; begin before it, or with '--from failed' where the "
            "run failed"
        )
    return kept


def rerun_lineage(
    lineage: Lineage | None, run_id: str, key: str, slot: datetime | None
) -> Lineage | None:
    """Return what a re-run is part of: whatever the first run was, with the same occasion.

    So idempotency keys are those of the first run, and no effect is repeated. The deadline
    of whatever started the first run is over and binds nobody.

    Args:
        lineage: Of the run that is repeated.
        run_id: Its workflow id.
        key: Its key, which its idempotency keys come from if nothing else gives them.
        slot: Its slot, which gives them without any lineage.
    """
    if lineage is None:
        # `root` and `parent` are the first run: without a slot nothing else ties them.
        return None if slot else Lineage(root=run_id, parent=run_id, occasion=key)
    occasion = lineage.occasion or ("" if slot else key)
    return lineage.model_copy(update={"deadline": None, "occasion": occasion})


def _shape(spec: PipelineSpec) -> Plan:
    """The graph alone: no time of the plan is looked at."""
    return plan_of(spec, Clock(started_at=EARLIEST, timezone="UTC"))
