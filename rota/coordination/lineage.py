"""Where a run comes from when another run, or a pipeline, started it."""

from operator import not_

from pydantic import AwareDatetime, Field

from rota.budgets.reservations import Cap
from rota.model import Record, is_false

DEEPEST = 5
"""Handoffs below one another before a further one is refused."""
EVENT_DEPTH = 20
"""Runs below one another, of whatever kind, before no event of theirs starts a further one:
agents whose events start one another would otherwise work, and spend, for ever."""


class Fork(Record):
    """The run, and the turn of its transcript, that another run goes on from."""

    run_id: str = Field(max_length=1000)
    turn: int = Field(ge=0)
    """The last turn that is kept; 0: none."""
    begin: str
    """Digest of the `ForkBegin` in the store."""


class Lineage(Record):
    """A run's place below the run that everything began with. Written by Rota alone."""

    root: str = Field(max_length=1000)
    """Workflow id of the run, or pipeline run, that everything began with."""
    parent: str = Field(max_length=1000)
    """Workflow id of what started this one."""
    depth: int = Field(default=1, ge=1)
    """1 below the root."""
    agents: tuple[str, ...] = ()
    """Agents above, the outermost first: handing work to one of them would be a cycle."""
    pipeline: str = ""
    """Name of the pipeline whose node this is."""
    node: str = ""
    """The node, with the number of its item if there are several: `review/3`."""
    occasion: str = ""
    """What the run is for, instead of its slot or itself: idempotency keys derive from it,
    so a node that is run again repeats no effect."""
    deadline: AwareDatetime | None = None
    """The run must end by then, whatever its own limit."""
    began: AwareDatetime | None = None
    """Of a handoff or a node: when the work began that it is part of."""
    allowance: Cap | None = None
    """What its caller lends it of its own rest; the run, and all below it, spend no more."""

    fork: Fork | None = Field(default=None, exclude_if=not_)
    """Set if it goes on from a turn of another run: every effect of it is asked for."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """Its input comes from a model that had read what may be the words of people outside the
    team."""

    @property
    def cause(self) -> str:
        """One line for people: what started it."""
        if self.fork is not None:
            return f"fork of {self.fork.run_id} at turn {self.fork.turn}"
        if self.pipeline and not self.agents:
            return f"node {self.node} of {self.parent}"
        return f"started by {self.parent}"
