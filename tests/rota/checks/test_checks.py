"""Checks of results: what is declared, what holds, what it means for the run."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.agent_spec import AgentSpec
from rota.checks.spec import BaselineCheck, CheckSpec, OnFailure
from rota.checks.verdicts import (
    CheckOutcome,
    CheckState,
    baseline_detail,
    checks_line,
    condition_detail,
    why_failed,
)
from rota.pinned_spec import PinnedSpec
from tests.rota.keepers.desks import T0


@pytest.mark.parametrize(
    ("block", "told"),
    [
        pytest.param({}, "give exactly one of condition", id="nothing"),
        pytest.param(
            {"condition": "output.a", "command": ["x"]}, "give exactly one of", id="two things"
        ),
        pytest.param({"condition": "memory.a"}, "no 'memory' here", id="unknown name"),
        pytest.param({"condition": "output.a ="}, "cannot read", id="no condition"),
        pytest.param({"command": []}, "at least 1", id="no program"),
        pytest.param(
            {"baseline": {"path": "a", "within": "many"}}, "neither a number", id="distance"
        ),
        pytest.param(
            {"baseline": {"path": "a", "within": -1}}, "neither a number", id="negative distance"
        ),
    ],
)
def test_check_that_cannot_be_made_is_refused_where_it_is_declared(
    block: dict[str, Any], told: str
) -> None:
    """Not in the first night in which it would have mattered."""
    with pytest.raises(ValidationError, match=told):
        CheckSpec.model_validate(block)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("output.debit == output.credit", ""),
        (
            "output.debit == output.rows",
            "'output.debit == output.rows' does not hold: output.debit is 5, output.rows is 3",
        ),
        (
            "output.missing > 0",
            "'output.missing > 0' does not hold: output.missing is None",
        ),
        ("not baseline or output.rows >= baseline.rows", ""),
    ],
)
def test_condition_that_does_not_hold_tells_the_figures(condition: str, told: str) -> None:
    """What was found, not only that it is wrong."""
    scope = {"output": {"debit": 5, "credit": 5, "rows": 3}, "baseline": None}
    assert condition_detail(condition, scope) == told


@pytest.mark.parametrize(
    ("within", "new", "old", "told"),
    [
        ("10%", 110, 100, ""),
        ("10%", 111, 100, "totals.rows is 111, which is not within 10% of 100"),
        ("10%", 90, 100, ""),
        ("10%", -110, -100, ""),
        ("5", 94, 100, "totals.rows is 94, which is not within 5 of 100"),
        ("0", 1, 1, ""),
        ("10%", 1, 0, "totals.rows is 1, which is not within 10% of 0"),
        ("1", [1, 2], [1], ""),
        ("1", "12", 12, "the result has no figure at totals.rows"),
        ("1", True, 1, "the result has no figure at totals.rows"),
        ("1", 1, None, "the baseline has no figure at totals.rows"),
    ],
)
def test_figure_too_far_from_the_baselines_is_told(
    within: str, new: Any, old: Any, told: str
) -> None:
    """In percent of the baseline's, or by a number; of a list its length."""
    check = BaselineCheck(path="totals.rows", within=within)
    found = baseline_detail(check, {"totals": {"rows": new}}, {"totals": {"rows": old}})
    assert found == told


def outcome(state: CheckState, on_failure: OnFailure = OnFailure.FAIL) -> CheckOutcome:
    """What came of one check."""
    return CheckOutcome(name="rows", state=state, on_failure=on_failure, detail="why", at=T0)


@pytest.mark.parametrize(
    ("made", "fails", "holds"),
    [
        (outcome(CheckState.PASSED), False, True),
        (outcome(CheckState.SKIPPED), False, True),
        (outcome(CheckState.FAILED), True, False),
        (outcome(CheckState.UNKNOWN), True, False),
        (outcome(CheckState.FAILED, OnFailure.WARN), False, False),
        (outcome(CheckState.UNKNOWN, OnFailure.WARN), False, False),
    ],
)
def test_check_that_did_not_pass_fails_the_run_unless_it_only_warns(
    made: CheckOutcome, fails: bool, holds: bool
) -> None:
    """One that could not be made proves nothing, and so does not pass."""
    assert bool(why_failed([outcome(CheckState.PASSED), made])) is fails
    assert checks_line([made]).startswith("verified" if holds else "not verified")


def test_declaration_without_checks_keeps_its_digest() -> None:
    """A key that most agents do not have changes nothing of them; the schema is a check."""
    block = {"name": "report", "runtime": {"kind": "scripted"}}
    assert "checks" not in AgentSpec.model_validate(block).document
    checks = {"rows": {"condition": "output.rows > 0"}, "tool": {"command": ["true"]}}
    spec = AgentSpec.model_validate({**block, "output": {"schema": {}}, "checks": checks})
    pinned = PinnedSpec.of(spec)
    assert list(pinned.checks) == ["output.schema", "rows", "tool"]
    assert pinned.check_seconds == 60.0
