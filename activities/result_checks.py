"""`check_result`: hold a result against what its agent declares of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.check_command import Said, run_check
from activities.documents import get_baseline, get_context, get_json, get_spec
from activities.heartbeat import heartbeating
from activities.interface import Checking
from activities.schema_problems import schema_problems
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.checks.spec import CheckSpec
from rota.checks.steps import Checked, CheckInput
from rota.checks.verdicts import (
    DETAIL_LIMIT,
    CheckOutcome,
    CheckState,
    baseline_detail,
    condition_detail,
)
from rota.model import canonical_json
from rota.turns.transcript import RunContext, template_scope


class CheckingActivities(Checking):
    """Makes checks.

    Args:
        store: Holds the result, the baseline and the declaration.
        toolbox: Of the fleet whose programs make checks.
    """

    def __init__(self, store: ObjectStore, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="check_result")
    async def check_result(self, input: CheckInput) -> Checked:
        """Make every check but those of graders, in the order of their names.

        Raises:
            ApplicationError: retryable, the store failed. A check that cannot be made is an
                outcome.
        Idempotency: checks change nothing; another attempt makes all of them again.
        Heartbeat: at its agent's pace, with the check that is being made.
        """
        outcomes: list[CheckOutcome] = []
        with translated(input):
            context = await get_context(self._store, input.context)
            spec = await get_spec(self._store, context.spec.digest)
            output = await get_json(self._store, input.output)
            baseline = await get_baseline(self._store, context)
            scope = _scope(context, output, baseline, input)
            async with heartbeating("checking the result") as report:
                for name, check in sorted(spec.checks.items()):
                    if check.agent is not None:
                        continue  # a run of its own, see `activities.grading`
                    report(f"check {name}")
                    said = await self._made(name, check, scope, input)
                    outcomes.append(
                        CheckOutcome(
                            name=name,
                            state=said.state,
                            on_failure=check.on_failure,
                            detail=" ".join(said.detail.split())[:DETAIL_LIMIT],
                            at=datetime.now(UTC),
                        )
                    )
        return Checked(outcomes=tuple(outcomes))

    async def _made(
        self, name: str, check: CheckSpec, scope: Mapping[str, Any], input: CheckInput
    ) -> Said:
        output, baseline = scope["output"], scope["baseline"]
        if check.command is not None:
            return await run_check(
                check.command,
                canonical_json(dict(scope)),
                name=name,
                cwd=self._toolbox.fleet.resolve(),
                env={"ROTA_RUN": input.run.id, "ROTA_AGENT": input.agent},
                timeout=check.timeout,
            )
        if check.json_schema is not None:
            problems = schema_problems(check.json_schema, output, whole="the result")
            return _said("; ".join(problems))
        if check.condition is not None:
            return _said(condition_detail(check.condition, scope))
        assert check.baseline is not None
        if baseline is None:
            return Said(CheckState.SKIPPED, "no result was accepted as the baseline yet")
        return _said(baseline_detail(check.baseline, output, baseline))


def _said(detail: str) -> Said:
    return Said(CheckState.FAILED if detail else CheckState.PASSED, detail)


def _scope(context: RunContext, output: Any, baseline: Any, input: CheckInput) -> dict[str, Any]:
    """What conditions may name, and programs read."""
    known = template_scope(context, {}, baseline)
    own = {
        "session": context.session,
        "turns": input.turns,
        "tool_calls": input.tool_calls,
        "tokens": input.tokens,
    }
    return {
        "output": output,
        "baseline": baseline,
        "input": known["input"],
        "slot": known["slot"],
        "covers": known["covers"],
        "run": known["run"] | own,
    }
