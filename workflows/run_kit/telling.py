"""What people are told of a run: that it ended, or that it waits for one of them."""

from collections.abc import Callable, Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.approvals.links import AskedApproval
    from rota.keepers.admission import Admission
    from rota.notices.facts import Fact
    from rota.notices.spec import NotifySpec, Occasion
    from rota.notices.text import ENDS, links_of, one_line, todo_of
    from rota.notices.untold import Untold
    from rota.runs import RunStatus
    from rota.turns.outcome import RunOrigin
    from workflows import notifying


class Telling:
    """The facts of one run. Nothing here fails, and nothing but the end is waited for."""

    def __init__(self, origin: RunOrigin) -> None:
        self.repeated = False
        """The run is blocked for the reason of one before it: people know."""
        self._origin = origin
        self._admission: Callable[[], Admission | None] = lambda: None
        self._tidings = notifying.Tidings()

    def knows(self, admission: Callable[[], Admission | None]) -> None:
        """Look up there who is to be told."""
        self._admission = admission

    @property
    def owed(self) -> tuple[Untold, ...]:
        """What people could not be told so far; carried across continue-as-new."""
        return self._tidings.owed

    def resume(self, owed: Sequence[Untold]) -> None:
        """Tell what the execution before this one could not."""
        self._tidings.resume(owed)

    def waits(
        self,
        occasion: Occasion,
        id: str,
        reason: str,
        todo: str,
        *notify: NotifySpec,
        approval: AskedApproval | None = None,
    ) -> None:
        """Tell that the run waits for a person. Returns at once.

        Args:
            occasion: What for.
            id: Tells this wait from others of the run for the same: once for each id.
            reason: One line.
            todo: The command that ends the wait.
            notify: Whom to tell; nobody given: whom the declaration names.
            approval: The request that is to be decided on, if it is about one.
        """
        fact = self._fact(occasion, f"{occasion.value}/{id}", reason, todo)
        fact = fact.model_copy(update={"approval": approval})
        # Beside the wait, which may be over before everybody is told.
        self._tidings.tell(notify or self._declared, fact)

    async def ended(
        self, status: RunStatus, reason: str, links: dict[str, str] | None = None
    ) -> tuple[Occasion, ...]:
        """Tell how the run ended, and see that what it told before is on its way.

        Returns:
            What people could not be told.
        """
        occasion = ENDS.get(status)
        if occasion is not None and not (occasion is Occasion.BLOCKED and self.repeated):
            todo = todo_of(occasion, self._origin.run.id)
            fact = self._fact(occasion, occasion.value, reason, todo)
            fact = fact.model_copy(update={"links": links_of(links or {})})
            # After what was told before: that is the order in which people read it.
            await self.finish()
            self._tidings.tell(self._declared, fact)
        await self.finish()
        return tuple(each.occasion for each in self._tidings.untold)

    async def finish(self) -> None:
        """See that what is under way is told: this execution of the run is about to close."""
        await self._tidings.finish()

    def _fact(self, occasion: Occasion, id: str, reason: str, todo: str) -> Fact:
        admission = self._admission()
        return Fact(
            id=f"{self._origin.run.key}/{id}",
            occasion=occasion,
            agent=self._origin.agent,
            team=admission.spec.team if admission else "",
            run=self._origin.run.id,
            reason=one_line(reason),
            todo=todo,
            at=workflow.now(),
        )

    @property
    def _declared(self) -> tuple[NotifySpec, ...]:
        admission = self._admission()
        return admission.spec.notify if admission else ()
