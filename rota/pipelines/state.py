"""Where one run of a pipeline stands: each node, and each item of a node, in its place.

Pure records; `rota.pipelines.rules` reads and writes them. They travel through continue-as-new.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.model import Record
from rota.pipelines.run import NodeResult
from rota.runs import RunStatus
from rota.usage import Usage

FAILING = (RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.CANCELLED, RunStatus.TIMED_OUT)
"""Ends that `after: failed` means."""
REPEATABLE = (RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.TIMED_OUT)
"""Ends that a further run may mend. What somebody cancelled was meant to end."""


class Phase(StrEnum):
    """How far a node, or one of its places, has come."""

    PENDING = "pending"
    """It waits: for other nodes, a gate, a pause, its turn."""
    RUNNING = "running"
    """A place: its run is at work. A node: its places are."""
    ENDED = "ended"


class Place(Record):
    """Where runs of one node happen, one after the other: the node itself, or one item."""

    phase: Phase = Phase.PENDING
    item: Any = None
    runs: int = 0
    """Runs started here."""
    due: datetime | None = None
    """The next run starts no earlier: the pause before a repeat."""
    cancelled_as: NodeResult | None = None
    """Set once its run was told to stop: the end it then has."""
    result: NodeResult | None = None
    """How the last run ended."""
    final: bool = False
    """No further run can mend it, so none is started."""


class NodeState(Record):
    """One node."""

    phase: Phase = Phase.PENDING
    places: tuple[Place, ...] = ()
    """One, or one per item of `for_each`; none before the node begins."""
    many: bool = False
    """True if the places are items."""
    reruns: int = 0
    """Re-runs that dependents have asked for."""
    result: NodeResult | None = None
    """Set when it has ended."""

    def with_place(self, index: int, place: Place) -> "NodeState":
        """Return the node with one place replaced."""
        places = (*self.places[:index], place, *self.places[index + 1 :])
        return self.model_copy(update={"places": places})

    def ended(self, result: NodeResult) -> "NodeState":
        """Return the node with its end."""
        return self.model_copy(update={"phase": Phase.ENDED, "result": result})


class DagState(Record):
    """One run of a pipeline."""

    nodes: dict[str, NodeState] = Field(default_factory=dict[str, NodeState])
    """A node that is not here has not begun."""
    stopped: NodeResult | None = None
    """Set once the run as a whole was cancelled, or out of time: the end that everything
    open then has."""
    used: Usage = Usage()
    """What all runs that have ended used, with all below them."""

    def node(self, name: str) -> NodeState:
        """Return a node's state."""
        return self.nodes.get(name) or _FRESH

    def with_node(self, name: str, node: NodeState) -> "DagState":
        """Return the state with one node replaced."""
        return self.model_copy(update={"nodes": {**self.nodes, name: node}})

    @property
    def tainted(self) -> bool:
        """True once any run of a node had read what may be the words of people outside."""
        ends = [
            end
            for node in self.nodes.values()
            for end in (node.result, *(place.result for place in node.places))
            if end is not None
        ]
        return any(end.tainted or any(item.tainted for item in end.items or ()) for end in ends)

    @property
    def running(self) -> int:
        """Runs at work."""
        return sum(
            place.phase is Phase.RUNNING
            for node in self.nodes.values()
            if node.phase is Phase.RUNNING
            for place in node.places
        )


_FRESH = NodeState()


def initial_state(kept: dict[str, NodeResult], declared: tuple[str, ...]) -> DagState:
    """Begin a run; nodes in `kept` have ended already, as they did in an earlier run."""
    return DagState(
        nodes={
            name: _FRESH.ended(kept[name].model_copy(update={"kept": True}))
            for name in declared
            if name in kept
        }
    )
