"""A run's money: what it may spend, what it asks the accounts for, what people give it."""

import asyncio
from typing import Any, TypedDict

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.budgets.purse import Purse, check_raise
    from rota.budgets.reservations import Amount, BudgetRaise, Cap, Grant
    from rota.budgets.spec import OnExceeded
    from rota.budgets.spending import OVER_ALLOWANCE, is_soft, own_room
    from rota.keepers.admission import Admission
    from rota.run_ref import RunRef
    from rota.turns.limits import Limits
    from rota.turns.loop import LoopState
    from rota.turns.outcome import RunOrigin
    from rota.usage import Usage
    from workflows.run_kit import desk

REFUSED = "RaiseRefusedError"
"""Type of the failure of a raise that gives nothing."""


class MoneyLimits(TypedDict):
    """The part of `Limits` that is about money, tokens and steps."""

    tokens: int | None
    cost_micros: int | None
    steps: int | None
    call_micros: int | None
    lent_room: Cap
    lender: str
    grant: Grant | None
    held: Amount
    returned: Cap | None
    on_exceeded: OnExceeded


class Money:
    """What one run may spend. Create it first thing in the workflow's `run`.

    Messages: update `raise_budget` (a `BudgetRaise`; the same id again changes nothing), from
    people; signal `budget_raised` (the run's own `RunRef`), from the accounts.
    """

    def __init__(self, origin: RunOrigin, purse: Purse | None = None) -> None:
        self.purse = purse or Purse()
        """What was reserved and given; carried across continue-as-new."""
        self._origin = origin
        self._giving_back = asyncio.Lock()
        # Word that came to the execution before this one is not told twice: ask once more.
        self._is_told = purse is not None
        workflow.set_update_handler("raise_budget", self._on_raise, validator=refuse_raise)
        workflow.set_signal_handler("budget_raised", self._on_raised)

    @property
    def may_have_room(self) -> bool:
        """True once an account has said that there may be more than it had to refuse."""
        return self._is_told

    @property
    def shown(self) -> dict[str, Any]:
        """What was reserved and given, as the query `status` tells it."""
        return self.purse.model_dump(mode="json", exclude_defaults=True)

    def admitted(self, admission: Admission) -> None:
        """Take the reservation that came with the admission."""
        if self.purse.grant is None and admission.grant is not None:
            self.purse = self.purse.answered(admission.grant, Usage())

    def limits(self, admission: Admission, loop: LoopState) -> MoneyLimits:
        """What the run may spend, people's raises included."""
        spec, lineage, purse = admission.spec, self._origin.lineage, self.purse
        lent = lineage.allowance if lineage else None
        given = purse.raised
        return {
            "tokens": _raised(spec.run_tokens, given.tokens),
            "cost_micros": _raised(spec.run_micros, given.micros),
            "steps": _raised(spec.run_steps, purse.raised_steps),
            # Else a call that is too dear could never be made, whatever people give.
            "call_micros": _raised(spec.call_micros, given.micros),
            "lent_room": lent or Cap(),
            "lender": lineage.parent if lineage else "",
            "grant": purse.grant,
            "held": purse.held(loop.usage),
            "returned": purse.returned,
            "on_exceeded": spec.on_exceeded,
        }

    def is_soft(self, admission: Admission, limits: Limits, loop: LoopState) -> bool:
        """True from the soft limit on, of the run or of an account."""
        return self.purse.is_soft or is_soft(limits, loop.tree, admission.spec.soft_at)

    async def ask(
        self, admission: Admission, limits: Limits, loop: LoopState, least: Amount
    ) -> None:
        """Ask the accounts for as much as the run may still spend, at least for `least`."""
        wanted = own_room(limits, loop.tree)
        # Before they are asked: what they say from then on is news.
        self._is_told = False
        run = self._origin.run
        request = self.purse.request(admission.spec.name, run, loop.usage, wanted, least)
        grant = await desk.hold_budget(admission.spec, request)
        self.purse = self.purse.answered(grant, loop.usage)

    async def give_back(self, admission: Admission, loop: LoopState) -> None:
        """Let others have what the run holds while it spends nothing, where they may miss it.

        It asks anew before it spends again. Several at once give back once, and all wait for it.
        """
        async with self._giving_back:
            if not self.purse.is_missed:
                return
            run = self._origin.run
            request = self.purse.giving_back(admission.spec.name, run, loop.usage)
            grant = await desk.hold_budget(admission.spec, request)
            self.purse = self.purse.gave_back(grant, loop.usage)

    def _on_raise(self, more: BudgetRaise) -> str:
        """Give the run more; returns what it has been given in all, for people."""
        refuse_raise(more)
        self.purse = self.purse.given(more)
        return self.purse.shown

    def _on_raised(self, run: RunRef) -> None:
        # The workflow id may have been used before: word for an older run is not ours.
        if run.key == self._origin.run.key:
            self._is_told = True


def needed_in(error: ActivityError) -> Amount | None:
    """What a call may come to that was not made, since it might cost more than it may."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != OVER_ALLOWANCE:
        return None
    return Amount.model_validate(cause.details[0])


def refuse_raise(more: BudgetRaise) -> None:
    """Refuse what gives nothing, before it leaves an event."""
    problem = check_raise(more)
    if problem:
        raise ApplicationError(problem, type=REFUSED, non_retryable=True)


def _raised(limit: int | None, by: int) -> int | None:
    return None if limit is None else limit + by
