"""Graders that may change something are told at the check that names them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.toolbox import Toolbox
from activities.tools.builtin import BUILTIN_TOOLS
from rota.tools import tool
from schedules.fleet import load_fleet
from workers.grader_lint import grader_tools

SCRIPTED = {"kind": "scripted", "turns": [{"result": "done"}]}


@tool(name="ledger.post", effect="idempotent")
def post(account: str) -> str:
    """Post."""
    return account


@tool(name="ledger.read")
def read(account: str) -> str:
    """Read."""
    return account


@pytest.mark.parametrize(
    ("grader", "told"),
    [
        ({"tools": ["ledger.read", "clock.now"]}, []),
        ({"tools": ["ledger.read", "ledger.post"]}, [("error", "(ledger.post)")]),
        ({"tools": ["memory.update"]}, [("error", "(memory.update)")]),
        ({"tools": ["agents.graded"]}, [("error", "(agents.graded)")]),
        ({"emits": ["books.judged"]}, [("error", "emits books.judged")]),
        ({"tools": ["mcp:bank/read"]}, [("warning", "mcp:bank/read")]),
        ({"runtime": {"kind": "command", "command": ["true"]}}, [("warning", "works by itself")]),
    ],
)
def test_grader_that_may_change_something_is_told(
    tmp_path: Path, grader: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    """An error where it is known, a warning where only somebody else knows."""
    (tmp_path / "agents").mkdir()
    judge = {"name": "judge", "runtime": SCRIPTED, **grader}
    graded = {"name": "graded", "runtime": SCRIPTED, "checks": {"careful": {"agent": "judge"}}}
    text = yaml.safe_dump_all([judge, graded])
    (tmp_path / "agents" / "x.yaml").write_text(text)
    known = {**BUILTIN_TOOLS, **{each.name: each for each in (post, read)}}
    found = list(grader_tools(load_fleet(tmp_path), Toolbox(tmp_path, known)))
    assert [each.level for each in found] == [level for level, _ in told]
    for finding, (_, words) in zip(found, told, strict=True):
        assert (finding.key, words in finding.message) == ("checks.careful.agent", True)
