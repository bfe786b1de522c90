"""Approvals that no call would ever meet, or every call, are told at their line."""

from pathlib import Path
from typing import Any

import pytest

from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.tools import tool
from schedules.declaration_errors import DeclarationErrors
from workers.approval_lint import approval_remarks
from workers.checked_fleet import check_fleet
from workers.cli.output import now

SCRIPTED = {"kind": "scripted", "turns": [{"result": "done"}]}
MANAGED = {"kind": "claude-managed", "agent": "agent_1", "environment": "env_1"}
PROGRAM = {"kind": "command", "command": ["true"]}


@tool(name="ledger.post", effect="write")
def post(account: str, amount: int) -> str:
    """Post."""
    return f"{account} {amount}"


@tool(name="ledger.read")
def read(account: str) -> str:
    """Read."""
    return account


def remarks(
    approvals: dict[str, Any], runtime: dict[str, Any] | None = None
) -> list[tuple[str, str, str]]:
    """Level, key and message of each."""
    tools = ["ledger.post", "ledger.read", "agents.settlement", "mcp:bank/pay"]
    spec = AgentSpec.model_validate(
        {"name": "x", "runtime": runtime or SCRIPTED, "tools": tools, "approvals": approvals}
    )
    toolbox = Toolbox(Path(), {each.name: each for each in (post, read)})
    return [
        (remark.level, "/".join(map(str, remark.path)), remark.message)
        for remark in approval_remarks(spec, toolbox)
    ]


@pytest.mark.parametrize(
    ("approvals", "level", "key", "words"),
    [
        ({"ledger.pst": "always"}, "error", "approvals/ledger.pst", "did you mean 'ledger.post'"),
        ({"github.*": "always"}, "error", "approvals/github.*", "no tool 'github.*'"),
        (
            {"ledger.post": {"when": "args.amout > 1"}},
            "error",
            "approvals/ledger.post/when",
            "no argument 'amout', so every call would be asked about; did you mean 'amount'?",
        ),
        (
            {"ledger.post": "always", "ledger.read": "never", "ledger.*": "always"},
            "warning",
            "approvals/ledger.*",
            "more exact names",
        ),
        (
            {"ledger.*": {"otherwise": "approve_if_read_only"}},
            "warning",
            "approvals/ledger.*/otherwise",
            "ledger.post does not only read",
        ),
    ],
)
def test_approval_that_does_not_fit_the_agents_tools_is_remarked(
    approvals: dict[str, Any], level: str, key: str, words: str
) -> None:
    """Where, what, and how to mend it."""
    [(found, where, message)] = remarks(approvals)
    assert (found, where) == (level, key)
    assert words in message


@pytest.mark.parametrize(
    "approvals",
    [
        {"ledger.post": {"when": "args.amount > 1 and args.account"}},
        {"agents.*": {"when": "args.anything"}, "mcp:bank/*": {"when": "args.amount > 1"}},
        {"ledger.read": {"otherwise": "approve_if_read_only"}},
        {"*": "always"},
    ],
)
def test_approval_that_fits_is_not_remarked(approvals: dict[str, Any]) -> None:
    """What a server takes as arguments is known only when it is asked."""
    assert remarks(approvals) == []


def test_tool_of_the_provider_is_a_note_where_it_may_ask() -> None:
    """Only the provider knows its tools; one that asks nobody has none to approve."""
    [(level, _, message)] = remarks({"bash": "always"}, {**MANAGED, "confirm": "ask"})
    assert level == "note"
    assert "tool of its own" in message
    [(level, _, message)] = remarks({"bash": "always"}, MANAGED)
    assert level == "error"
    assert "write confirm: ask" in message
    [(level, _, _)] = remarks({"bash": "always"}, PROGRAM)
    assert level == "error"


def test_approvals_are_validated_by_line(tmp_path: Path) -> None:
    """File, line and key of each mistake."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "x.yaml").write_text(
        "name: x\n"
        "runtime: {kind: scripted, turns: [{result: done}]}\n"
        "tools: [memory.update]\n"
        "approvals:\n"
        "  memory.update: always\n"
        "  memory.updat: always\n"
    )
    with pytest.raises(DeclarationErrors) as caught:
        check_fleet(tmp_path, now())
    assert "agents/x.yaml:6: approvals.memory.updat: this agent has no tool" in str(caught.value)
    (tmp_path / "agents" / "x.yaml").write_text(
        "name: x\n"
        "runtime: {kind: scripted, turns: [{result: done}]}\n"
        "tools: [memory.update]\n"
        "approvals:\n"
        "  memory.update:\n"
        "    when: patch > 3\n"
    )
    with pytest.raises(DeclarationErrors) as caught:
        check_fleet(tmp_path, now())
    assert "agents/x.yaml:6: approvals.memory.update.when: patch: a condition" in str(caught.value)
