"""Limits of calls, as tables: which call of a run is refused, and why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rota.approvals.spec import matches
from rota.tool_limits import AgentLimits, refusals


def limits(**declared: Any) -> AgentLimits:
    """As written in YAML."""
    return AgentLimits.model_validate(declared)


@pytest.mark.parametrize(
    ("declared", "calls", "made"),
    [
        ({}, "a a a", "111"),
        ({"tool_calls": 2}, "a b a b", "1100"),
        ({"tools": {"a": {"per_run": 1}}}, "a b a b", "1101"),
        ({"tools": {"g.*": {"per_run": 2}}}, "g.a g.b b g.a", "1110"),
        ({"tools": {"g.*": {"per_run": 2}, "g.a": {"per_run": 1}}}, "g.a g.a g.b g.b", "1010"),
        ({"tools": {"*": {"per_run": 1}}}, "a b", "10"),
        ({"tool_calls": 2, "tools": {"a": {"per_run": 1}}}, "a a a b b", "10010"),
    ],
)
def test_refusals_begin_where_a_limit_is_reached(
    declared: dict[str, Any], calls: str, made: str
) -> None:
    """All that name a tool hold, and what was refused has used up nothing."""
    said = refusals(limits(**declared), calls.split())
    assert "".join("0" if text else "1" for text in said) == made


def test_refusals_name_the_tool_the_limit_and_its_key() -> None:
    """For the model to read, and for whoever reads the transcript."""
    said = refusals(limits(tool_calls=9, tools={"mail.*": {"per_run": 1}}), ["mail.send"] * 2)
    assert said[1] == (
        "mail.send: not called: a run may make 1 call of mail.* (limits.tools.mail.*.per_run), "
        "and has; go on without further ones"
    )


@pytest.mark.parametrize(
    "declared",
    [
        {"tool_calls": 0},
        {"tools": {"a": {"per_run": 0}}},
        {"tools": {"a": {}}},
        {"tools": {"a": {"per_day": 1}}},
        {"tools": {"a*b": {"per_run": 1}}},
    ],
)
def test_limits_that_cannot_be_meant_are_refused(declared: dict[str, Any]) -> None:
    """A tool that may never be called is to be left out of the agent's tools."""
    with pytest.raises(ValidationError):
        limits(**declared)


NAMES = st.sampled_from(["a", "g.a", "g.b"])
SPECS = st.builds(
    lambda total, tools: limits(tool_calls=total, tools=tools),
    st.none() | st.integers(1, 6),
    st.dictionaries(
        st.sampled_from(["a", "g.a", "g.*", "*"]),
        st.fixed_dictionaries({"per_run": st.integers(1, 4)}),
    ),
)


@given(SPECS, st.lists(NAMES, max_size=20))
def test_refusals_keep_every_limit_and_refuse_nothing_below_it(
    spec: AgentLimits, calls: list[str]
) -> None:
    """However the calls are dealt out, exactly those that fit are made."""
    said = refusals(spec, calls)
    made = [name for name, text in zip(calls, said, strict=True) if not text]
    assert spec.tool_calls is None or len(made) <= spec.tool_calls
    for key, limit in spec.tools.items():
        assert sum(matches(key, name) for name in made) <= limit.per_run
    # What was decided of a call does not change by what comes after it.
    assert all(refusals(spec, calls[:n]) == said[:n] for n in range(len(calls)))
    # Refused only if one more would be too many.
    for index, text in enumerate(said):
        before = [name for name, told in zip(calls[:index], said, strict=False) if not told]
        full = spec.tool_calls is not None and len(before) >= spec.tool_calls
        full = full or any(
            matches(key, calls[index]) and sum(matches(key, name) for name in before) >= it.per_run
            for key, it in spec.tools.items()
        )
        assert bool(text) is full
