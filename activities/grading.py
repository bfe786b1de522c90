"""`open_grading`, `close_grading`: from a check to a grader's run, and back.

Short look-ups in the store; the workflows run them as local activities.
"""

import json
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.documents import get_context, get_json, get_spec
from activities.interface import GradingDesk
from activities.safekeeping import kept
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from rota.checks.grading import grader_input, said_by
from rota.checks.spec import CheckSpec
from rota.checks.steps import (
    CloseGradingInput,
    Graded,
    GradeInput,
    OpenedGrading,
    OpenGradingInput,
)
from rota.checks.verdicts import DETAIL_LIMIT, CheckOutcome, CheckState
from rota.coordination.handoffs import called_run, failure_text, refusal
from rota.ids import grading_run_id
from rota.model import canonical_json
from rota.turns.calls import HandoffMode
from rota.turns.transcript import RunContext


class GradingDeskActivities(GradingDesk):
    """Makes runs of checks, and checks of runs.

    Args:
        store: Holds the result, the declaration, and what graders have come to.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @activity.defn(name="open_grading")
    async def open_grading(self, input: OpenGradingInput) -> OpenedGrading:
        """Make the input of the grader's run.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: reads; the same result that was graded before is not graded again.
        """
        with translated(input):
            recorded = await self._store.get_ref(_place(input))
            if recorded is not None:
                return OpenedGrading(graded=Graded.model_validate_json(recorded))
            context, check = await self._check(input)
            grader = check.agent or ""
            # Refused as any other call: whoever waits for this run cannot judge it.
            refused = refusal(grader, input.agent, context.lineage)
            if refused:
                return OpenedGrading(graded=Graded(outcome=_outcome(input, check, refused)))
            output = await get_json(self._store, input.output)
            child = called_run(
                grader,
                grader_input(output, context.input, input.agent, context.run_id),
                caller=input.agent,
                context=context,
                terms=input,
                mode=HandoffMode.CALL,
                occasion=f"{context.occasion}/check/{input.name}",
            )
            return OpenedGrading(child=child, child_id=grading_run_id(context.run_id, input.name))

    @activity.defn(name="close_grading")
    async def close_grading(self, input: CloseGradingInput) -> Graded:
        """Read the grader's result, and record what it means.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: recorded under (run, check, result), the first one for good.
        """
        with translated(input):
            _, check = await self._check(input)
            failure = input.failure or (
                failure_text(check.agent or "", input.result) if input.result else "it has none"
            )
            if failure or input.result is None:
                outcome = _outcome(input, check, failure or "")
            else:
                digest, output = input.result.output_digest, input.result.output
                if digest is not None:
                    output = json.loads(await self._store.get(digest))
                outcome = _outcome(input, check, *_told(output, check))
            outcome = outcome.model_copy(update={"run": input.child_id})
            graded = Graded(outcome=outcome, below=input.below)
            record = canonical_json(graded.model_dump(mode="json"))
            first = await kept(lambda: self._store.set_ref(_place(input), record, if_absent=True))
            return Graded.model_validate_json(first)

    async def _check(self, input: GradeInput) -> tuple[RunContext, CheckSpec]:
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        return context, spec.checks[input.name]


def _told(output: Any, check: CheckSpec) -> tuple[str, CheckState]:
    state, text = said_by(output, check.min_score)
    return f"{check.agent}: {text}" if text else f"{check.agent} says {state.value}", state


def _outcome(
    input: GradeInput, check: CheckSpec, detail: str, state: CheckState = CheckState.UNKNOWN
) -> CheckOutcome:
    return CheckOutcome(
        name=input.name,
        state=state,
        on_failure=check.on_failure,
        detail=" ".join(detail.split())[:DETAIL_LIMIT],
        at=datetime.now(UTC),
    )


def _place(input: GradeInput) -> str:
    return f"grades/{input.run.key}/{input.name}/{input.output}"
