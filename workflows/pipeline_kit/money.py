"""What the nodes of one pipeline run may spend together: lent to each, and taken back.

A node's run gets an equal part of what is left among those that start with it. What it did
not use is there for the next ones. If nothing is left when a node is due and nothing works,
the pipeline stands still, or ends, as `budget.on_exceeded` says.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets.purse import Purse
    from rota.budgets.raise_command import enough, raise_command
    from rota.budgets.reservations import Amount, BudgetRaise, Cap
    from rota.budgets.spec import OnExceeded
    from rota.budgets.spending import ANYTHING, left, part, spent, used_up
    from rota.failures import FailureCategory
    from rota.language.durations import format_duration
    from rota.notices.spec import Occasion
    from rota.pinned_spec import PinnedSpec
    from rota.pipelines.run import NodeResult
    from rota.pipelines.state import DagState
    from rota.runs import RunStatus
    from rota.turns.loop import Finish
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage
    from workflows.run_kit.money import refuse_raise
    from workflows.run_kit.standing import Standing

Place = tuple[str, int]
"""A node and the number of the place in it."""


class NodeMoney:
    """The budget of one run of a pipeline. Create it first thing in the workflow's `run`.

    Messages: update `raise_budget` (a `BudgetRaise`; the same id again changes nothing).
    """

    def __init__(self, origin: RunOrigin, standing: Standing, purse: Purse | None = None) -> None:
        self.purse = purse or Purse()
        """What people gave; carried across continue-as-new."""
        self._origin = origin
        self._standing = standing
        self._spec: PinnedSpec | None = None
        self._lent: dict[Place, Cap] = {}
        workflow.set_update_handler("raise_budget", self._on_raise, validator=refuse_raise)

    def declared(self, spec: PinnedSpec) -> None:
        """Take the limits from the declaration."""
        self._spec = spec

    def used_up(self, used: Usage) -> str:
        """Say which limit leaves nothing for a further run; empty if none does."""
        return used_up(self._cap, self._gone(used), "budget.run_usd", "budget.run_tokens")

    def lend(self, places: list[Place], state: DagState) -> Iterator[Cap | None]:
        """Set aside, and yield, what each of the runs that start now may spend."""
        if not self._cap.is_limit or not places:
            return iter([None] * len(places))
        each = part(left(self._cap, self._gone(state.used)), len(places))
        self._lent.update(dict.fromkeys(places, each))
        return iter([each] * len(places))

    def returned(self, place: Place, result: NodeResult) -> Usage:
        """What a run that has ended used; of one that did not say, all it was lent."""
        lent = self._lent.pop(place, Cap())
        if result.usage is not None:
            return result.usage
        return Usage(unknown_micros=lent.micros or 0, unknown_tokens=lent.tokens or 0)

    async def find_room(self, used: Usage, *, begun: bool) -> tuple[Finish | None, timedelta]:
        """Wait until somebody gives more, or whatever started the run can wait no longer.

        Too little more begins no new wait: `park_for` is counted from the first.

        Returns:
            How the run ends if it is not to wait, or has waited too long; and how long it stood
            still.
        """
        assert self._spec is not None, "not laid out"
        reason, spec = self.used_up(used), self._spec
        if spec.on_exceeded is not OnExceeded.PARK:
            skips = spec.on_exceeded is OnExceeded.SKIP and not begun
            return _end(reason, skips=skips), timedelta(0)
        begun_at, given = workflow.now(), len(self.purse.raises)
        patience = timedelta(seconds=spec.park_for_seconds)
        more = enough(self._cap, self._gone(used), ANYTHING)
        cure = raise_command(self._origin.run.id, more)
        since = self._since(reason, cure)
        until = min(filter(None, (since + patience, self._origin.bound)))
        heard = await self._standing.wait(
            "budget",
            f"{reason}; '{cure}' lets it go on, until {until:%Y-%m-%dT%H:%MZ}",
            lambda: len(self.purse.raises) > given,
            until,
            status=RunStatus.PARKED,
        )
        if heard or workflow.now() < since + patience:
            return None, workflow.now() - begun_at
        told = f"parked for {format_duration(patience)} (budget.park_for), nobody gave more"
        return _end(f"{reason}; {told}"), timedelta(0)

    def goes_on(self) -> None:
        """Note that there is something to spend; an event if the run stood still."""
        if self.purse.parked_at is not None:
            self.purse = self.purse.model_copy(update={"parked_at": None})
            self._standing.resume()

    def _since(self, reason: str, cure: str) -> datetime:
        """When it began to stand still; people are told once."""
        purse = self.purse
        if purse.parked_at is not None:
            return purse.parked_at
        since = workflow.now()
        self.purse = purse.model_copy(update={"parked_at": since, "parked": purse.parked + 1})
        name = f"budget-{self.purse.parked}"
        self._standing.telling.waits(Occasion.PARKED, name, reason, cure)
        return since

    def _gone(self, used: Usage) -> Amount:
        """What was spent, and what is lent to runs at work."""
        gone = spent(used)
        for lent in self._lent.values():
            gone = gone.plus(Amount(micros=lent.micros or 0, tokens=lent.tokens or 0))
        return gone

    @property
    def _cap(self) -> Cap:
        """What all nodes together may spend, people's raises included."""
        if self._spec is None:
            return Cap()
        micros, tokens, given = self._spec.run_micros, self._spec.run_tokens, self.purse.raised
        return Cap(
            micros=None if micros is None else micros + given.micros,
            tokens=None if tokens is None else tokens + given.tokens,
        )

    def _on_raise(self, more: BudgetRaise) -> str:
        """Give the run more; returns what it has been given in all, for people."""
        refuse_raise(more)
        self.purse = self.purse.given(more)
        return self.purse.shown


def _end(reason: str, *, skips: bool = False) -> Finish:
    if skips:
        return Finish(status=RunStatus.SKIPPED, reason=reason)
    limit = FailureCategory.LIMIT_REACHED
    return Finish(status=RunStatus.FAILED, reason=reason, category=limit)
