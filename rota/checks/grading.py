"""Graders: agents that judge the results of others. What they must say, and what it means.

Pure. A grader that fails, or says nothing that can be read, has not judged: nobody knows whether
the result is good, which is not the same as bad.
"""

from collections.abc import Mapping
from typing import Any, cast

from rota.agent_spec import AgentSpec
from rota.checks.spec import CheckSpec
from rota.checks.verdicts import CheckState

_STATES = {"pass": CheckState.PASSED, "fail": CheckState.FAILED}
VERDICTS = sorted(_STATES)


def grader_input(output: Any, input: Mapping[str, Any], agent: str, run: str) -> dict[str, Any]:
    """What a grader's run is given.

    Args:
        output: The result that is graded.
        input: Of the run whose result it is.
        agent: Whose run that is.
        run: Its workflow id.
    """
    return {"output": output, "input": dict(input), "agent": agent, "run": run}


def said_by(output: Any, min_score: float | None) -> tuple[CheckState, str]:
    """What a grader's result means, and what it says of it.

    Args:
        output: The grader's result.
        min_score: Of the check: it has to say a score.
    """
    said = cast("dict[str, Any]", output) if isinstance(output, dict) else {}
    reason = str(said.get("reason") or "")
    if min_score is None:
        state = _STATES.get(str(said.get("verdict")), CheckState.UNKNOWN)
        unread = state is CheckState.UNKNOWN
        return state, "its verdict is neither pass nor fail" if unread else reason
    score = said.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return CheckState.UNKNOWN, "it says no score"
    state = CheckState.PASSED if score >= min_score else CheckState.FAILED
    told = f"score {score:g}, at least {min_score:g} is wanted"
    return state, f"{told}: {reason}" if reason else told


def unfit(grader: AgentSpec, check: CheckSpec) -> str:
    """Why an agent's declared result cannot be read as a grade; empty if it can."""
    wanted = "'verdict' (enum: pass, fail) and 'reason'"
    if check.min_score is not None:
        wanted = "'score' (type: number), for min_score"
    asked = f"a grader's output.schema requires {wanted}"
    if grader.output is None:
        return f"it declares none; {asked}"
    schema = grader.output.json_schema
    if check.min_score is not None:
        fits = _required(schema, "score").get("type") in ("number", "integer")
    else:
        verdicts = cast("list[Any]", _required(schema, "verdict").get("enum") or [])
        fits = sorted(map(str, verdicts)) == VERDICTS and "reason" in schema["required"]
    return "" if fits else asked


def _required(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a schema says of a property that it requires; nothing of any other."""
    properties: Any = schema.get("properties") or {}
    found: Any = properties.get(name) if name in (schema.get("required") or ()) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
