"""What a run may consume. Whether it has, `rota.loop` decides, before every step."""

from datetime import datetime

from rota.model import Record


class Limits(Record):
    """What a run may consume."""

    turns: int
    tokens: int | None
    cost_micros: int | None = None
    """Micro-dollars."""
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
