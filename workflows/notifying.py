"""Handing facts to notifiers, from runs and keepers alike. Never fails, whatever becomes of it."""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Notifying
    from rota.ids import run_queue
    from rota.notices.facts import Fact, PostInput, wants
    from rota.notices.spec import NotifySpec
    from rota.notices.untold import Untold
    from workflows.notify_options import LONGEST_PAUSE, POST_PAUSE, post_options


class Tidings:
    """What one workflow has to tell while it does other things.

    What cannot be handed over within seconds is tried again, as long as the workflow goes on:
    carry `owed` across continue-as-new, and `resume` there.

    Args:
        show: Called when what could not be told is another.
    """

    def __init__(self, show: Callable[[], None] = lambda: None) -> None:
        self._show = show
        self.owed: tuple[Untold, ...] = ()
        """What could not be handed over so far, and to whom it goes."""
        self._under_way: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def untold(self) -> list[Fact]:
        """What could not be handed over so far."""
        return [fact for each in self.owed for fact in each.facts]

    @property
    def notice(self) -> list[str]:
        """The same for people who look at the workflow."""
        return [f"nobody was told ({each.occasion.value}): {each.reason}" for each in self.untold]

    def tell(self, notify: Sequence[NotifySpec], *facts: Fact) -> None:
        """Tell those of `facts` that somebody wants to hear of. Returns at once."""
        wanted = tuple(fact for fact in facts if wants(notify, fact.occasion))
        if wanted:
            self._begin(Untold(facts=wanted, notify=tuple(notify)))

    def resume(self, owed: Sequence[Untold]) -> None:
        """Go on with what the execution before this one could not hand over."""
        self.owed = tuple(owed)
        for each in owed:
            self._begin(each)

    async def finish(self) -> None:
        """Wait until everything is told or was tried once more; then the workflow may close.

        Nothing is to be told afterwards: what is under way is lost with its execution.
        """
        self._closing = True
        if self._under_way:
            await workflow.wait(self._under_way)

    def _begin(self, telling: Untold) -> None:
        under_way = [task for task in self._under_way if not task.done()]
        self._under_way = [*under_way, asyncio.create_task(self._see_told(telling))]

    async def _see_told(self, telling: Untold) -> None:
        pause = POST_PAUSE
        while not await post(telling.notify, *telling.facts):
            self._keep(*(each for each in self.owed if each != telling), telling)
            if self._closing:
                return
            try:
                await workflow.wait_condition(
                    lambda: self._closing, timeout=pause, timeout_summary="tell people again"
                )
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE)
        self._keep(*(each for each in self.owed if each != telling))

    def _keep(self, *owed: Untold) -> None:
        if owed != self.owed:
            self.owed = owed
            self._show()


async def post(notify: Sequence[NotifySpec], *facts: Fact) -> bool:
    """Tell those of `facts` that somebody wants to hear of; no event at all if nobody does.

    Returns:
        False if that could not be done within seconds: the log says why.
    """
    wanted = tuple(fact for fact in facts if wants(notify, fact.occasion))
    if not wanted:
        return True
    input = PostInput(
        facts=wanted,
        notify=tuple(notify),
        task_queue=run_queue(workflow.info().task_queue),
    )
    names = ", ".join(fact.occasion.value for fact in wanted)
    try:
        await workflow.execute_local_activity_method(
            Notifying.post_facts, input, summary=f"tell: {names}"[:200], **post_options()
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.warning("nobody was told (%s): %s", names, error.cause or error)
        return False
    return True
