"""What persons decide about a run's calls: what counts is looked at before it does.

Workflow side. Who waits for a decision, and for how long, is in `approvals`.
"""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.approvals.requests import ApprovalDecision, OpenApproval, Ruling, Verdict
    from rota.approvals.rules import ruling_of, why_closed, why_void
    from workflows.run_kit.edit_check import EditCheck
    from workflows.run_kit.matters import Matters

REFUSED = "DecisionRefusedError"
"""Type of the failure of a decision that does not count."""


class Decisions:
    """The decisions on one run's approvals. Create it first thing in the workflow's `run`.

    Messages: update `decide` (an `ApprovalDecision`; the same again changes nothing).
    """

    def __init__(self, matters: Matters[OpenApproval, Ruling]) -> None:
        """Decide on `matters`: what waits, and what has been said."""
        self._matters = matters
        self._checks: dict[str, EditCheck] = {}
        self._checking = 0
        workflow.set_update_handler("decide", self._on_decide, validator=self._check)

    def look_with(self, id: str, check: EditCheck | None) -> None:
        """Have edited arguments of this call looked at from now on; None: not any more."""
        if check is None:
            self._checks.pop(id, None)
        else:
            self._checks[id] = check

    async def are_looked_at(self) -> None:
        """Wait while somebody's arguments are being looked at: what they came to is known first."""
        if self._checking:
            await workflow.wait_condition(lambda: not self._checking)

    def _check(self, decision: ApprovalDecision) -> None:
        """Refuse what does not count, before it leaves an event."""
        self._must_count(decision, workflow.now())

    def _must_count(self, decision: ApprovalDecision, at: datetime) -> None:
        """Refuse a decision that was given then, if it does not count as things stand now."""
        closed = self._matters.said.get(decision.call)
        pending = self._matters.open.get(decision.call)
        if closed is not None:
            problem = why_closed(decision, closed)
        elif pending is not None:
            problem = why_void(decision, pending, at)
        else:
            listed = self._matters.listed
            problem = f"no approval '{decision.call}' is pending; pending are: {listed}"
        if problem:
            raise _refused(problem)

    async def _on_decide(self, decision: ApprovalDecision) -> str:
        """Take the decision; returns what it says, for people."""
        # Again: between the check and here another may have come.
        self._check(decision)
        id, said = decision.call, self._matters.said
        if id not in said:
            ruling = ruling_of(decision, self._matters.open[id], workflow.now())
            check = self._checks.get(id)
            if ruling.verdict is Verdict.EDIT and check is not None:
                await self._look_at(check, ruling)
                # And again: it took a while, which is not whoever has decided's to answer for.
                self._must_count(decision, ruling.at)
            said.setdefault(id, ruling)
        return f"{id} {said[id].shown}"

    async def _look_at(self, check: EditCheck, ruling: Ruling) -> None:
        self._checking += 1
        try:
            problem = await check(ruling)
        finally:
            self._checking -= 1
        if problem:
            raise _refused(f"{ruling.id}: {problem}")


def _refused(problem: str) -> ApplicationError:
    return ApplicationError(problem, type=REFUSED, non_retryable=True)
