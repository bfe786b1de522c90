"""The `approvals` block: which rule counts for which tool, and what is no rule."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rota.approvals.spec import ApprovalRule, Approvals, rule_for

BLOCK: TypeAdapter[dict[str, ApprovalRule]] = TypeAdapter(Approvals)


@pytest.mark.parametrize(
    ("tool", "key"),
    [
        ("github.merge", "github.merge"),
        ("github.issues.close", "github.issues.*"),
        ("github.comment", "github.*"),
        ("githubs.comment", "*"),
        ("mcp:warehouse/query", "mcp:warehouse/*"),
        ("agents.settlement.transfer", "agents.settlement.transfer"),
    ],
)
def test_rule_for_a_tool_is_the_most_exact_one(tool: str, key: str) -> None:
    """Its own name, else the longest pattern; the order in the file says nothing."""
    keys = ["*", "github.*", "github.merge", "github.issues.*", "mcp:warehouse/*"]
    rules = {key: ApprovalRule() for key in [*keys, "agents.settlement.transfer"]}
    for ordered in (rules, dict(reversed(rules.items()))):
        found = rule_for(ordered, tool)
        assert found is not None
        assert found[0] == key


def test_tool_that_no_rule_names_needs_none() -> None:
    """Approvals are for what is named."""
    assert rule_for({"github.*": ApprovalRule()}, "ledger.post") is None


def test_shorthands_say_when() -> None:
    """`always` and `never` are words, not paths of a condition."""
    block = BLOCK.validate_python({"a": "always", "b": "never", "c": {"when": "never"}})
    assert [rule.when for rule in block.values()] == ["always", "never", "never"]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"a b": "always"}, "names no tools"),
        ({"*.post": "always"}, "names no tools"),
        ({"a": "sometimes"}, "write always, never"),
        ({"a": {"when": "amount > 1"}}, "write args.amount"),
        ({"a": {"when": "args.amount >"}}, "it ends early"),
        ({"a": {"timeout": "0s"}}, "greater than 0"),
        ({"a": {"otherwise": "shrug"}}, "approve_if_read_only"),
        ({"a": {"timeout": "1h", "escalate": {"after": "1h"}}}, "shorter than the timeout"),
        (
            {"a": {"timeout": "2d", "hours": {"days": ["mon"], "from": "09:00", "to": "09:10"}}},
            "more than a year",
        ),
    ],
)
def test_rule_that_is_none_is_refused_with_what_to_write(block: dict[str, Any], said: str) -> None:
    """Nothing is guessed where an approval may be lost."""
    with pytest.raises(ValidationError, match=said):
        BLOCK.validate_python(block)
