"""What a run was given to spend, beyond what its declaration says. Pure.

Its newest reservation in the accounts of its agent and its team, and what people gave the
run itself. It counts from the run's own use, and travels with the run across
continue-as-new.
"""

from datetime import datetime

from rota.budgets.reservations import NOTHING, Amount, BudgetRaise, Cap, Grant, HoldRequest
from rota.budgets.spending import known, left, lost, spent
from rota.model import Record
from rota.run_ref import RunRef
from rota.usage import Usage, format_cost


class Purse(Record):
    """A run's reservation, and what it was given."""

    grant: Grant | None = None
    """The newest answer of the accounts; None where none are kept."""
    base: Amount = Amount()
    """What the run itself had spent when that came, lost attempts included."""
    returned: Cap | None = None
    """What was left of the reservation when it was given back; None while there is one."""
    raises: tuple[BudgetRaise, ...] = ()
    """What people gave the run itself, in order."""
    parked_at: datetime | None = None
    """Since when it stands still; None while it works."""
    parked: int = 0
    """How often it stood still so far."""

    @property
    def raised(self) -> Amount:
        """All that people gave the run."""
        return Amount(
            micros=sum(each.micros for each in self.raises),
            tokens=sum(each.tokens for each in self.raises),
        )

    @property
    def raised_steps(self) -> int:
        """Steps likewise."""
        return sum(each.steps for each in self.raises)

    @property
    def shown(self) -> str:
        """What people gave the run, in one line."""
        parts = (
            format_cost(self.raised.micros) if self.raised.micros else "",
            f"{self.raised.tokens} tokens" if self.raised.tokens else "",
            f"{self.raised_steps} steps" if self.raised_steps else "",
        )
        return f"the run was given {', '.join(filter(None, parts))} on top of its own limits"

    @property
    def is_missed(self) -> bool:
        """True if others may miss what the run holds: an account has a limit."""
        # Not by what the agent's own account has set aside: it may be its team's alone.
        room = self.grant.room if self.grant is not None else Cap()
        return bool(room.micros or room.tokens)

    @property
    def is_soft(self) -> bool:
        """True if a soft limit of an account is reached."""
        return self.grant is not None and self.grant.soft

    def held(self, usage: Usage) -> Amount:
        """What was spent of the reservation, lost attempts included."""
        return spent(usage).minus(self.base)

    def answered(self, grant: Grant, usage: Usage) -> "Purse":
        """The purse once the accounts have answered; what was spent until then is told."""
        returned = self.returned if grant.refused else None
        return self.model_copy(update={"grant": grant, "base": spent(usage), "returned": returned})

    def gave_back(self, grant: Grant, usage: Usage) -> "Purse":
        """The purse once the accounts have taken back what was reserved.

        Nothing is left of it wherever one of them has a limit, whichever has answered.
        """
        had = self.grant.room if self.grant is not None else Cap()
        nothing = Cap(
            micros=None if had.micros is None else 0, tokens=None if had.tokens is None else 0
        )
        room = grant.room.smaller(nothing)
        purse = self.answered(grant.model_copy(update={"room": room}), usage)
        return purse.model_copy(update={"returned": left(had, self.held(usage))})

    def given(self, more: BudgetRaise) -> "Purse":
        """The purse with what a person gave the run. The same again changes nothing."""
        if any(each.id == more.id for each in self.raises):
            return self
        return self.model_copy(update={"raises": (*self.raises, more)})

    def request(
        self, agent: str, run: RunRef, usage: Usage, wanted: Cap, least: Amount
    ) -> HoldRequest:
        """Ask for the next reservation, which ends this one."""
        return HoldRequest(
            agent=agent,
            run=run,
            number=self._next,
            wanted=wanted,
            least=least,
            spent=known(usage),
            unknown=lost(usage),
        )

    def giving_back(self, agent: str, run: RunRef, usage: Usage) -> HoldRequest:
        """Give back what is left of the reservation, and wait for no room."""
        return self.request(agent, run, usage, NOTHING, Amount())

    @property
    def _next(self) -> int:
        if self.grant is None:
            return 1
        # One that was refused reserves nothing, and may be asked for again.
        return self.grant.number if self.grant.refused else self.grant.number + 1


def check_raise(more: BudgetRaise) -> str:
    """Say why `more` gives a run nothing, in one line; empty if it gives something."""
    if not more.id:
        return "give the raise an id of its own: the next without one would be taken for it"
    if more.window is not None:
        return "a run has no days or months: raise those of its agent, or of its team"
    parts = (more.micros, more.tokens, more.steps)
    if min(parts) < 0:
        return "a limit is raised, never lowered: give amounts above nothing"
    if not any(parts):
        return "give at least one of micros, tokens and steps, above nothing"
    return ""
