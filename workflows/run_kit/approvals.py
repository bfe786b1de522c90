"""A run's calls that a person decides on: asked, waited for without spending anything, decided.

Several may wait at the same time, and other calls of the turn go on meanwhile. The run only
carries a decision to whoever makes the call, who checks it; see `activities.approval_gate`.
"""

import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.approvals.links import AskedApproval
    from rota.approvals.requests import ApprovalRequest, OpenApproval, Ruling
    from rota.approvals.rules import ruling_without
    from rota.approvals.spec import Undecided
    from rota.failures import FailureCategory
    from rota.ids import format_slot
    from rota.language.durations import format_duration
    from rota.notices.spec import Occasion
    from rota.runs import RunStatus
    from rota.turns.calls import CallRef
    from rota.turns.outcome import RunOrigin
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.decisions import Decisions
    from workflows.run_kit.edit_check import EditCheck, check_for
    from workflows.run_kit.matters import Matters
    from workflows.run_kit.standing import Standing
    from workflows.run_kit.work import RunWork

MOST_RULINGS = 100
"""Rulings that a run remembers, so that a second word on one is told what was decided."""
TOLD = 20
"""Of these, how many its result has: it is shown in lists of runs."""


class Approvals:
    """The approvals of one run. Create it first thing in the workflow's `run`.

    Messages: update `decide`; see `Decisions`.
    """

    def __init__(
        self,
        origin: RunOrigin,
        standing: Standing,
        clock: RunClock,
        asked: int = 0,
        rulings: tuple[Ruling, ...] = (),
        count: Callable[[Ruling | None, timedelta], None] = lambda _, __: None,
    ) -> None:
        """Go on after the `asked` requests of earlier executions, and their `rulings`.

        `count` hears how each request ended, and how long it had waited; None: nobody decided,
        and the run fails.
        """
        self.asked = asked
        """How many there were so far. All are closed between two steps of a run."""
        self._origin = origin
        self._standing = standing
        self._matters = Matters[OpenApproval, Ruling](clock, {each.id: each for each in rulings})
        self._open, self._closed = self._matters.open, self._matters.said
        self._count = count
        self._failed = ""
        """Why the run fails; the other requests wait no longer."""
        self._decisions = Decisions(self._matters)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Those that wait, oldest first, as the query `status` tells them."""
        return self._matters.shown

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """What was decided so far, the newest last, without long arguments."""
        newest = list(self._closed.values())[-MOST_RULINGS:]
        return tuple(ruling.for_the_record for ruling in newest)

    @property
    def told(self) -> tuple[Ruling, ...]:
        """The newest rulings, for the run's result."""
        return self.rulings[-TOLD:]

    async def ask_for(self, work: RunWork, call: CallRef) -> Ruling | None:
        """Wait for the decision on a call; None if it needs none.

        Raises:
            ApplicationError: `limit_reached`, nobody has decided and the run fails for it.
        """
        if call.approval is None:
            return None
        check = check_for(work, call)
        return await self.ask(call.approval, work.admission.requester, check=check)

    async def ask(
        self,
        request: ApprovalRequest,
        requester: str,
        *,
        patience: timedelta | None = None,
        check: EditCheck | None = None,
    ) -> Ruling:
        """Ask a person and wait for the decision.

        Args:
            request: What is to be decided.
            requester: Who asked for the run.
            patience: Longest time that whoever waits for the decision has; None: no limit.
            check: Looks at edited arguments before they count.

        Returns:
            What was decided, or what follows from nobody having done so.

        Raises:
            ApplicationError: `limit_reached`, as in `ask_for`.
        """
        self.asked += 1
        since = workflow.now()
        bound = self._bound(since + patience if patience is not None else None)
        until = request.until(since)
        escalates = request.escalates(since)
        pending = OpenApproval(
            id=f"a{self.asked}",
            request=request,
            requester=requester,
            since=since,
            until=min(until, bound or until),
            escalates=escalates,
        )
        id = pending.id
        self._decisions.look_with(id, check)
        try:
            await self._matters.wait(id, pending, self._decided(id, bound))
        except ApplicationError:
            self._count(None, workflow.now() - since)
            raise
        finally:
            self._decisions.look_with(id, None)
        self._count(self._closed[id], self._closed[id].at - since)
        self._standing.resume()
        return self._closed[id]

    async def _decided(self, id: str, bound: datetime | None) -> None:
        """Wait until the request is closed, whatever that takes."""
        pending = self._open[id]
        if pending.until > workflow.now():
            # Of one whose time is over already there is nothing that anybody could do.
            self._tell(id, "asked", f"approvals.{pending.request.key}")
        escalates = pending.escalates
        status = RunStatus.AWAITING_APPROVAL
        early = escalates is not None and escalates < pending.until
        if early and not await self._comes(id, escalates, status):
            self._escalate(id)
        if await self._comes(id, pending.until, status):
            return
        if self._must_go_on(id, bound):
            return
        match pending.request.rule.otherwise:
            case Undecided.FAIL:
                self._fail(pending, "")
            case Undecided.PARK:
                await self._park(id, bound)
            case _:
                self._closed[id] = ruling_without(pending, workflow.now())

    async def _park(self, id: str, bound: datetime | None) -> None:
        pending = self._open[id]
        until = workflow.now() + timedelta(seconds=pending.request.park_seconds)
        until = min(until, bound or until)
        pending = self._open[id] = pending.model_copy(update={"parked_until": until})
        self._standing.telling.waits(
            Occasion.PARKED,
            f"approval-{id}",
            f"{pending.request.tool}: nobody has decided; parked until {format_slot(until)}",
            self._todo(id),
            approval=AskedApproval.of(pending),
        )
        if await self._comes(id, until, RunStatus.PARKED) or self._must_go_on(id, bound):
            return
        parked = format_duration(timedelta(seconds=pending.request.park_seconds))
        self._fail(pending, f", and another {parked} parked (budget.park_for)")

    def _must_go_on(self, id: str, bound: datetime | None) -> bool:
        """Close the request if whatever started the run, or works for it, waits no longer."""
        if bound is None or workflow.now() < bound:
            return False
        text = "nobody decided before whoever waits for it had to go on"
        self._closed[id] = ruling_without(self._open[id], workflow.now(), text)
        return True

    async def _comes(self, id: str, until: datetime | None, status: RunStatus) -> bool:
        """Wait for the decision until then; return whether it came."""
        await self._standing.wait(
            id,
            self._open[id].waiting,
            lambda: id in self._closed or bool(self._failed),
            until,
            status=status,
        )
        await self._decisions.are_looked_at()
        if id not in self._closed and self._failed:
            raise _over(self._failed)
        return id in self._closed

    def _fail(self, pending: OpenApproval, more: str) -> None:
        request = pending.request
        waited = format_duration(request.rule.timeout)
        self._failed = (
            f"nobody approved {request.tool} within {waited}{more} (approvals.{request.key})"
        )
        raise _over(self._failed)

    def _escalate(self, id: str) -> None:
        """The time has come to tell somebody else."""
        self._open[id] = self._open[id].model_copy(update={"escalated": True})
        self._tell(id, "escalated", "nobody has decided yet")

    def _tell(self, id: str, fact: str, why: str) -> None:
        pending = self._open[id]
        request = pending.request
        escalation = request.rule.escalate
        whom = escalation.notify if escalation and pending.escalated else ()
        self._standing.telling.waits(
            Occasion.AWAITING_APPROVAL,
            f"{id}/{fact}",
            f"{request.tool} ({why}), until {format_slot(pending.until)}",
            self._todo(id),
            *whom,
            approval=AskedApproval.of(pending),
        )

    def _todo(self, id: str) -> str:
        return f"rota approve {shlex.quote(self._origin.run.id)} {id}"

    def _bound(self, until: datetime | None) -> datetime | None:
        """The earlier of `until` and the limit of whatever started the run."""
        bounds = [bound for bound in (until, self._origin.bound) if bound is not None]
        return min(bounds, default=None)


def _over(reason: str) -> ApplicationError:
    kind = FailureCategory.LIMIT_REACHED.value
    return ApplicationError(reason, type=kind, non_retryable=True)
