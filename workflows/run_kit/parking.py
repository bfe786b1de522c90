"""A run that stands still at a limit: everything is kept, and nothing is spent.

It goes on when a person gives it more, when an account has room again, or when the window
that was used up turns; if none of that comes within `budget.park_for`, it fails.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets.raise_command import raise_command
    from rota.budgets.spending import ANYTHING
    from rota.failures import FailureCategory
    from rota.keepers.admission import Admission
    from rota.language.durations import format_duration
    from rota.notices.spec import Occasion
    from rota.runs import RunStatus
    from rota.turns.limits import Limits
    from rota.turns.loop import Finish, LoopState, Park
    from rota.turns.outcome import RunOrigin
    from workflows.activity_options import ROOM_PAUSE
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.money import Money
    from workflows.run_kit.standing import Standing


class Parking:
    """Where one run stands still. Create it first thing in the workflow's `run`."""

    def __init__(
        self, origin: RunOrigin, standing: Standing, clock: RunClock, money: Money
    ) -> None:
        self._origin = origin
        self._standing = standing
        self._clock = clock
        self._money = money

    async def stand(
        self, park: Park, admission: Admission, limits: Callable[[], Limits], loop: LoopState
    ) -> Finish | None:
        """Wait for more to spend.

        Returns:
            None if there may be more, or if whatever started the run could wait no longer: what
            follows is decided anew. Else how the run ends, since nobody gave it any.
        """
        # Both before anything is awaited: it takes time, and a raise may come meanwhile.
        given = len(self._money.purse.raises)
        is_news = self._money.purse.parked_at is None
        since = self._since()
        expires = since + timedelta(seconds=admission.spec.park_for_seconds)
        again = max(park.until, workflow.now() + ROOM_PAUSE) if park.until else None
        until = min(filter(None, (expires, again, self._origin.bound)))
        if is_news:
            self._tell(park)
        if not park.refused:
            await self._money.give_back(admission, loop)

        def came() -> bool:
            more = len(self._money.purse.raises) > given
            return self._money.may_have_room if park.refused else more

        text = f"{park.reason}; {self._cure(park, expires)}"
        waiting = self._standing.wait("budget", text, came, until, status=RunStatus.PARKED)
        heard = await self._clock.still(waiting)
        if not heard and workflow.now() >= expires:
            waited = format_duration(timedelta(seconds=admission.spec.park_for_seconds))
            return Finish(
                status=RunStatus.FAILED,
                reason=f"{park.reason}; parked for {waited} (budget.park_for), nobody gave more",
                category=FailureCategory.LIMIT_REACHED,
            )
        if park.refused:
            # With what people gave the run itself meanwhile.
            await self._money.ask(admission, limits(), loop, loop.needed or ANYTHING)
        return None

    def over(self) -> None:
        """Note that the run goes on; an event if it stood still."""
        purse = self._money.purse
        if purse.parked_at is not None:
            self._money.purse = purse.model_copy(update={"parked_at": None})
            self._standing.resume()

    def _since(self) -> datetime:
        """When it began to stand still: looking whether there is room again ends no wait."""
        purse = self._money.purse
        if purse.parked_at is None:
            self._money.purse = purse.model_copy(
                update={"parked_at": workflow.now(), "parked": purse.parked + 1}
            )
        return self._money.purse.parked_at or workflow.now()

    def _tell(self, park: Park) -> None:
        name = f"budget-{self._money.purse.parked}"
        self._standing.telling.waits(Occasion.PARKED, name, park.reason, self._command(park))

    def _cure(self, park: Park, expires: datetime) -> str:
        if not park.refused:
            return f"'{self._command(park)}' lets it go on, until {expires:%Y-%m-%dT%H:%MZ}"
        again = f"from {park.until:%Y-%m-%dT%H:%MZ} on" if park.until else "once there is room"
        cure = f"after '{park.cure}'" if park.cure else "when that is raised"
        return f"goes on {again}, or {cure}; fails at {expires:%Y-%m-%dT%H:%MZ}"

    def _command(self, park: Park) -> str:
        return park.cure if park.refused else raise_command(self._origin.run.id, park.more)
