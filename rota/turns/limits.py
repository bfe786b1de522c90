"""What a run may consume. Whether it has, `rota.turns.deciding` says, before every step."""

from datetime import datetime

from rota.budgets.reservations import Amount, Cap, Grant
from rota.budgets.spec import OnExceeded
from rota.model import Record


class Limits(Record):
    """What a run may consume."""

    turns: int
    tokens: int | None
    """Of the run and all that it hands work to."""
    cost_micros: int | None = None
    """Micro-dollars, likewise."""
    steps: int | None = None
    """Its own turns and tool calls."""
    call_micros: int | None = None
    """Of one call of a model."""
    lent_room: Cap = Cap()
    """What whatever started the run lets it spend, all below it included."""
    lender: str = ""
    """Workflow id of what lends that."""
    grant: Grant | None = None
    """Its newest reservation; None where no account is kept."""
    held: Amount = Amount()
    """What it has spent of that itself, lost attempts included."""
    returned: Cap | None = None
    """What was left of its reservation when it gave that back; None while it has one."""
    on_exceeded: OnExceeded = OnExceeded.PARK
    deadline: datetime
    compacting: bool = False
    """The conversation that the run begins with is too long to go on with."""
    repairs: bool = True
    """Whoever answered can be told what to mend."""
    lent: bool = False
    """The deadline is that of whatever started the run, and comes before its own."""

    @property
    def time_is_up(self) -> str:
        """Why a run that has reached its deadline ends."""
        if self.lent:
            return "the run reached the deadline of whatever started it"
        return "the run reached its wall-clock limit (budget.wall_clock)"
