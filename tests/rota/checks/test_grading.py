"""What graders must declare, and what their results mean, as tables."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from rota.checks.grading import said_by, unfit
from rota.checks.spec import CheckSpec

VERDICT = {"enum": ["pass", "fail"]}
JUDGES = {"properties": {"verdict": VERDICT, "reason": {}}, "required": ["verdict", "reason"]}
SCORES = {"properties": {"score": {"type": "number"}}, "required": ["score"]}


@pytest.mark.parametrize(
    ("output", "min_score", "state", "detail"),
    [
        ({"verdict": "pass", "reason": "sums agree"}, None, "passed", "sums agree"),
        ({"verdict": "fail", "reason": "4711 is missing"}, None, "failed", "4711 is missing"),
        ({"verdict": "perhaps"}, None, "unknown", "its verdict is neither pass nor fail"),
        ({"score": 1}, None, "unknown", "its verdict is neither pass nor fail"),
        ("pass", None, "unknown", "its verdict is neither pass nor fail"),
        ({"score": 0.8}, 0.8, "passed", "score 0.8, at least 0.8 is wanted"),
        ({"score": 0, "reason": "no"}, 0.1, "failed", "score 0, at least 0.1 is wanted: no"),
        ({"verdict": "pass"}, 0.1, "unknown", "it says no score"),
        ({"score": True}, 0.1, "unknown", "it says no score"),
    ],
)
def test_grade_that_cannot_be_read_is_no_verdict(
    output: Any, min_score: float | None, state: str, detail: str
) -> None:
    """Bad is only what a grader says is bad."""
    assert said_by(output, min_score) == (state, detail)


@pytest.mark.parametrize(
    ("schema", "min_score", "fits"),
    [
        (JUDGES, None, True),
        (SCORES, 0.5, True),
        (JUDGES, 0.5, False),
        (SCORES, None, False),
        (None, None, False),
        ({**JUDGES, "required": ["verdict"]}, None, False),
        ({**JUDGES, "properties": {"verdict": {}, "reason": {}}}, None, False),
        ({"properties": {"score": {"type": "string"}}, "required": ["score"]}, 0.5, False),
    ],
)
def test_agent_that_need_not_say_its_grade_is_unfit(
    schema: dict[str, Any] | None, min_score: float | None, fits: bool
) -> None:
    """It is found out before it is asked."""
    output = {"output": {"schema": schema}} if schema else {}
    grader = AgentSpec.model_validate({"name": "g", "runtime": {"kind": "scripted"}, **output})
    assert (unfit(grader, CheckSpec(agent="g", min_score=min_score)) == "") is fits
