"""What came of the checks of a result: the record, and what it means for the run.

Pure. Checks make a run *verified*; one that fails with `on_failure: fail` ends it as failed.
"""

from collections.abc import Mapping, Sequence, Sized
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.checks.spec import BaselineCheck, OnFailure
from rota.language.conditions import condition_paths, holds, value_at
from rota.model import Record, is_empty

OUTPUT_SCHEMA = "output.schema"
"""The agent's output schema, among its checks."""
DETAIL_LIMIT = 300
_SHOWN = 40


class CheckState(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be made: nobody knows whether the result is good."""
    SKIPPED = "skipped"
    """There was nothing to compare with yet; or nobody was asked, since another check fails."""


class CheckOutcome(Record):
    """What came of one check."""

    name: str
    state: CheckState
    on_failure: OnFailure = OnFailure.FAIL
    detail: str = ""
    """Why it did not pass, in one line; of a grader what it says in any case."""
    run: str = Field(default="", exclude_if=is_empty)
    """Workflow id of the grader's run, if one made it."""
    at: datetime


def condition_detail(condition: str, scope: Mapping[str, Any]) -> str:
    """Why a condition does not hold; empty if it does."""
    if holds(condition, scope):
        return ""
    figures = sorted(condition_paths(condition))
    told = ", ".join(f"{path} is {_short(value_at(path, scope))}" for path in figures)
    return f"'{condition}' does not hold" + (f": {told}" if told else "")


def baseline_detail(check: BaselineCheck, output: Any, baseline: Any) -> str:
    """Why a figure is too far from the baseline's; empty if it is not."""
    path = f"result.{check.path}"
    new, old = (_figure(value_at(path, {"result": value})) for value in (output, baseline))
    if new is None or old is None:
        whose = "the result" if new is None else "the baseline"
        return f"{whose} has no figure at {check.path}"
    if abs(new - old) <= check.allowed(old):
        return ""
    return f"{check.path} is {new:g}, which is not within {check.within} of {old:g}"


def why_failed(outcomes: Sequence[CheckOutcome]) -> str:
    """Why the run fails for its checks; empty if it does not."""
    told = [
        f"check {each.name}: {each.detail}"
        for each in outcomes
        if each.on_failure is OnFailure.FAIL
        and each.state in (CheckState.FAILED, CheckState.UNKNOWN)
    ]
    return "; ".join(told)


def checks_line(outcomes: Sequence[CheckOutcome]) -> str:
    """What came of all checks, in one line: `verified: balanced, rows (nothing to compare)`."""
    held = all(each.state in (CheckState.PASSED, CheckState.SKIPPED) for each in outcomes)
    told = [each.name + (f" ({each.detail})" if each.detail else "") for each in outcomes]
    return f"{'verified' if held else 'not verified'}: {', '.join(told)}"


def _figure(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(len(value)) if isinstance(value, Sized) and not isinstance(value, str) else None


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
