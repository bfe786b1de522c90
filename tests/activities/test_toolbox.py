"""What a worker's toolbox holds, and what it leaves to others."""

from pathlib import Path

import pytest

from activities.toolbox import Toolbox
from activities.tools.fleet import ToolLoadError

TOOLS = '''
from rota.tools import tool


@tool(name="{name}")
def anything() -> str:
    """Do anything."""
    return "done"
'''


def test_toolbox_misses_no_agent_among_the_tools(tmp_path: Path) -> None:
    """Agents are called, not run here: only names that nobody serves are missing."""
    toolbox = Toolbox(tmp_path, {})
    names = ["agents.settlement", "agents.settlement.transfer", "agents.Settlement", "ledger.post"]
    assert toolbox.missing(names) == ["agents.Settlement", "ledger.post"]


@pytest.mark.parametrize("name", ["agents.settlement", "agents.settlement.transfer"])
def test_toolbox_refuses_a_tool_that_is_named_like_an_agent(tmp_path: Path, name: str) -> None:
    """It could never be called: the name is taken, so the worker says so at its start."""
    (tmp_path / "tools.py").write_text(TOOLS.format(name=name))
    with pytest.raises(ToolLoadError, match=f"'{name}' names an agent"):
        Toolbox.open(tmp_path)
