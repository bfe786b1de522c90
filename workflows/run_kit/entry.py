"""A run's way in: it asks its keeper, and waits for its turn or for the run it joined.

Used by runs of agents and of pipelines alike.
"""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from rota.failures import FailureCategory
    from rota.keepers.admission import Admission, Admitted, Decision, KeyOutcome
    from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES, Kind
    from rota.pinned_spec import PinnedSpec
    from rota.runs import RunStatus
    from rota.turns.loop import Finish
    from rota.turns.outcome import RunOrigin, answer_of, finish_of_joined
    from workflows.activity_options import ASK_AGAIN, DESK_TIMEOUT
    from workflows.run_kit import desk
    from workflows.run_kit.standing import Standing


class Entry:
    """One run's admission. Create it first thing in the workflow's `run`.

    Messages: signals `lease_granted` and `key_settled`, both from the keeper.
    """

    def __init__(
        self,
        kind: Kind,
        origin: RunOrigin,
        standing: Standing,
        admitted: Admitted | None = None,
    ) -> None:
        self.admitted = admitted
        """The newest answer; None before there is one."""
        self._kind = kind
        self._origin = origin
        self._standing = standing
        self._granted: Admission | None = None
        self._joined: KeyOutcome | None = None
        workflow.set_signal_handler("lease_granted", self._on_lease_granted)
        workflow.set_signal_handler("key_settled", self._on_key_settled)

    async def enter(self, input: dict[str, Any]) -> Finish | None:
        """Ask the keeper, and wait if it says so; once entered, there is nothing to ask.

        Returns:
            None if the run may work, else how it closes: skipped, with another run's result
            or without, failed as the run it joined or because the name is one of the other
            kind, or blocked by preflight.
        """
        if self.admitted is not None:
            return None
        workflow.set_current_details("**asking for admission**")
        # Known from here on, so that whatever happens next is settled.
        self.admitted = await desk.ask(self._origin, input)
        while True:
            admission = self.admitted.admission
            if admission.decision is not Decision.SKIP and admission.spec.kind != self._kind:
                return _of_the_other_kind(admission.spec)
            if admission.decision is Decision.GO:
                self._standing.admitted(admission, RunStatus.RUNNING)
            if admission.decision not in (Decision.WAIT, Decision.JOIN):
                return closed_at_entry(self.admitted)
            if self._standing.status is not RunStatus.QUEUED:
                self._standing.admitted(admission, RunStatus.QUEUED)
            if await self._heard(admission):
                return await self._answered(admission)
            bound = self._origin.bound
            if bound is not None and bound <= workflow.now():
                return _too_late(admission.reason)
            await self._ask_again(input)

    async def _heard(self, admission: Admission) -> bool:
        """Wait for the keeper's word until the run must end, or ask again."""
        again = workflow.now() + ASK_AGAIN
        until = min(self._origin.bound or again, again)
        what, came = "turn", lambda: self._granted is not None
        if admission.decision is Decision.JOIN:
            what, came = "key", lambda: self._joined is not None
        return await self._standing.wait(
            what, admission.reason, came, until, status=RunStatus.QUEUED
        )

    async def _ask_again(self, input: dict[str, Any]) -> None:
        """Ask a keeper that may have been terminated, and applied anew, since."""
        try:
            self.admitted = await desk.ask(self._origin, input, patience=DESK_TIMEOUT)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            # Nobody has applied it yet, or it does not answer now. A local activity that is
            # given up while it waits to be tried again fails without an ActivityError around.
            workflow.logger.warning("asked again, without an answer: %s", error.cause or error)

    async def _answered(self, admission: Admission) -> Finish | None:
        if admission.decision is Decision.WAIT:
            assert self._granted is not None
            self.admitted = await desk.prepare(self._granted)
            self._standing.resume()
            return closed_at_entry(self.admitted)
        assert self._joined is not None
        outcome = self._joined
        if outcome.output is None:
            return finish_of_joined(outcome)
        joined = {"same_as": outcome.run, "output": outcome.output}
        self.admitted = admitted = await desk.prepare(admission.model_copy(update=joined))
        return finish_of_joined(outcome, admitted.output)

    def _on_lease_granted(self, admission: Admission) -> None:
        # The workflow id may have been used before: a grant for an older run is not ours.
        if admission.run.key == self._origin.run.key:
            self._granted = admission

    def _on_key_settled(self, outcome: KeyOutcome) -> None:
        if outcome.waiter.key == self._origin.run.key:
            self._joined = outcome


def closed_at_entry(admitted: Admitted) -> Finish | None:
    """How a run closes that was skipped or blocked; None if it may work."""
    admission = admitted.admission
    if admission.decision is Decision.SKIP:
        answer = answer_of(admission.output, admitted.output)
        return Finish(status=RunStatus.SKIPPED, reason=admission.reason, answer=answer)
    if admitted.unfit:
        return Finish(status=RunStatus.FAILED, reason=admitted.unfit, category=admitted.category)
    if admitted.blocked:
        return Finish(status=RunStatus.BLOCKED, reason=admitted.blocked, category=admitted.category)
    return None


def _of_the_other_kind(spec: PinnedSpec) -> Finish:
    is_a, is_no = ("an agent", "pipeline") if spec.kind == "Agent" else ("a pipeline", "agent")
    return Finish(
        status=RunStatus.FAILED,
        reason=f"'{spec.name}' is {is_a}, no {is_no}: start {WORKFLOW_TYPES[spec.kind]} with "
        f'{{"{ARGUMENT_KEYS[spec.kind]}": "{spec.name}"}}',
        category=FailureCategory.INVALID_REQUEST,
    )


def _too_late(reason: str) -> Finish:
    return Finish(
        status=RunStatus.TIMED_OUT,
        reason=f"whatever started this run could wait no longer: {reason}",
        category=FailureCategory.LIMIT_REACHED,
    )
