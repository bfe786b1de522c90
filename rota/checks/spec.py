"""The `checks:` block of an agent: what its results are expected to be."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from rota.language.conditions import condition_paths, readable_condition
from rota.language.durations import Duration
from rota.language.names import AgentName
from rota.model import Declared

SCOPE = ("output", "baseline", "input", "slot", "covers", "run")
"""What a condition may name."""
_PERCENT = re.compile(r"^(\d+(?:\.\d+)?)\s*%$")


class OnFailure(StrEnum):
    """What becomes of a run whose result is not as expected."""

    FAIL = "fail"
    """It fails: its memory is not kept, its result is handed to nobody."""
    WARN = "warn"
    """It succeeds, and is not verified."""


def _readable(condition: str) -> str:
    readable_condition(condition)
    named = {path.partition(".")[0] for path in condition_paths(condition)}
    if unknown := sorted(named - set(SCOPE)):
        raise ValueError(f"no '{unknown[0]}' here; a condition may name {', '.join(SCOPE)}")
    return condition


def _within(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _distance(value: str) -> str:
    try:
        wrong = not _PERCENT.match(value) and not 0 <= float(value) < float("inf")
    except ValueError:
        wrong = True
    if wrong:
        raise ValueError(f"'{value}' is neither a number from 0 on nor a percentage such as 10%")
    return value


class BaselineCheck(Declared):
    """A figure of the result, compared with the same one of the session's baseline."""

    path: str = Field(min_length=1, max_length=200)
    """Where the figure stands in the result: `totals.rows`. Of a list or mapping its length."""
    within: Annotated[str, BeforeValidator(_within), AfterValidator(_distance)]
    """How far it may be from the baseline's: `10%` of that, or a number."""

    def allowed(self, before: float) -> float:
        """How far a figure may be from `before`."""
        percent = _PERCENT.match(self.within)
        return abs(before) * float(percent[1]) / 100 if percent else float(self.within)


class CheckSpec(Declared):
    """One expectation. Exactly one of `condition`, `schema`, `baseline`, `command`, `agent`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    condition: Annotated[str, AfterValidator(_readable)] | None = None
    """Holds of the result: `output.debit == output.credit`."""
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """A JSON Schema that the result fits; in YAML the schema, or a file of the fleet."""
    baseline: BaselineCheck | None = None
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """A program of the fleet's, without a shell: reads JSON on standard input, and ends with 0
    if the result is good. It may run more than once, and changes nothing."""
    agent: AgentName | None = None
    """A grader: another agent, which is given the result and changes nothing. Its own result says
    `verdict`, `pass` or `fail`, and the `reason`."""
    min_score: float | None = Field(default=None, allow_inf_nan=False)
    """Of a grader: its result says a `score` in place of a verdict, which is at least that."""
    timeout: Duration = Field(default=timedelta(minutes=1), ge=timedelta(seconds=1))
    """Of the command."""
    on_failure: OnFailure = OnFailure.FAIL

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        kinds = (self.condition, self.json_schema, self.baseline, self.command, self.agent)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of condition, schema, baseline, command, agent")
        if self.min_score is not None and self.agent is None:
            raise ValueError("min_score is of a grader's score: name the agent, too")
        return self


CheckName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Checks = dict[CheckName, CheckSpec]
