"""Whether a node may start, as far as the nodes that it waits for are concerned. Pure."""

import re
from dataclasses import dataclass

from rota.failures import MESSAGE_LIMIT
from rota.pipelines.plan import Plan
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import After
from rota.pipelines.state import FAILING, DagState
from rota.runs import RunStatus

_VERBS = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.BLOCKED: "was blocked",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.TIMED_OUT: "timed out",
    RunStatus.SKIPPED: "was skipped",
}
_PASSED_ON = re.compile(r"^[a-z0-9-]+ was skipped: ")


@dataclass(frozen=True)
class Standing:
    """What the upstreams of a node have come to."""

    waits_for: tuple[str, ...] = ()
    """Upstreams that must end first."""
    never: str = ""
    """Why the node cannot run any more; empty if it can."""

    @property
    def ready(self) -> bool:
        """True if every edge holds."""
        return not self.waits_for and not self.never


def accomplished(result: NodeResult) -> bool:
    """True if the work is done: by its own run, or by the one that did it before."""
    if result.status is RunStatus.SKIPPED:
        return result.output_digest is not None
    return result.status is RunStatus.SUCCEEDED


def standing(plan: Plan, state: DagState, name: str) -> Standing:
    """Look at every edge of a node. One that can no longer hold decides at once."""
    waits: list[str] = []
    for upstream, condition in plan.nodes[name].after.items():
        result = state.node(upstream).result
        if result is None:
            waits.append(upstream)
        elif never := edge_fault(condition, upstream, result):
            return Standing(never=never)
    handled = _handled(plan, state, name)
    if handled.never:
        return handled
    return Standing(waits_for=(*waits, *handled.waits_for))


def edge_fault(condition: After, upstream: str, result: NodeResult) -> str:
    """Return why an edge to a node that has ended does not hold; empty if it does."""
    match condition:
        case After.SUCCEEDED:
            holds = accomplished(result)
        case After.FAILED:
            holds = result.status in FAILING
        case After.FINISHED:
            holds = result.status is not RunStatus.SKIPPED or accomplished(result)
        case After.ANY:
            holds = True
    if holds:
        return ""
    if condition is After.FAILED and result.status is not RunStatus.SKIPPED:
        return f"{upstream} did not fail"
    return what_became_of(upstream, result)


def what_became_of(name: str, result: NodeResult) -> str:
    """Tell a node's end in one line: `report failed: no answer in time`.

    Through any number of skipped nodes the line names the nearest of them and the first
    cause, so it does not grow from one to the next.
    """
    cause = (
        _PASSED_ON.sub("", result.reason) if result.status is RunStatus.SKIPPED else result.reason
    )
    told = f"{name} {_VERBS[result.status]}" + (f": {cause}" if cause else "")
    return told[:MESSAGE_LIMIT]


def _handled(plan: Plan, state: DagState, name: str) -> Standing:
    """Look at the nodes whose failure this one is for: one that failed is enough."""
    subjects = plan.handles.get(name, ())
    waits: list[str] = []
    for subject in subjects:
        result = state.node(subject).result
        if result is None:
            waits.append(subject)
        elif result.status in FAILING:
            return Standing()
    if subjects and not waits:
        never = f"{subjects[0]} did not fail"
        if len(subjects) > 1:
            never = f"none of {', '.join(subjects)} failed"
        return Standing(never=never[:MESSAGE_LIMIT])
    return Standing(waits_for=tuple(waits))
