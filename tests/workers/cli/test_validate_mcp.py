"""`rota validate` of agents whose tools MCP servers serve: told from the files alone."""

from pathlib import Path

import pytest

from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode

AGENT = """kind: Agent
name: clerk
runtime: {{kind: scripted, turns: [{{result: done}}]}}
tools:
  - {tool}
"""


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        ("mcp:warehouse/query", ""),
        ("mcp:office/query", "needs an MCP server 'office' in fleet.yaml, which has warehouse"),
        ("mcp:warehouse", "is no tool of an MCP server; write mcp:<server>/<tool>"),
    ],
)
async def test_server_of_a_tool_is_looked_up_and_not_asked(
    tmp_path: Path, tool: str, problem: str
) -> None:
    """Nobody listens at that address, which validate does not know; a typo it tells by line."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "fleet.yaml").write_text(
        "name: fleet\nmcp: {warehouse: {url: http://127.0.0.1:9/mcp}}\n"
    )
    (tmp_path / "agents" / "clerk.yaml").write_text(AGENT.format(tool=tool))
    ended = await rota("validate", "--fleet", str(tmp_path), "--json")
    if not problem:
        assert ended.code == ExitCode.OK, ended.out
        return
    [error] = ended.json["errors"]
    assert ended.code == ExitCode.WRONG
    assert error["line"] == 5
    assert problem in error["message"]


async def test_server_that_is_declared_wrongly_is_told_by_line(tmp_path: Path) -> None:
    """A secret in the file is refused where it stands, and not repeated."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "fleet.yaml").write_text(
        "name: fleet\nmcp:\n  warehouse:\n    url: https://a/mcp\n    token: tok-pasted\n"
    )
    ended = await rota("validate", "--fleet", str(tmp_path), "--json")
    [error] = ended.json["errors"]
    assert ended.code == ExitCode.WRONG
    assert error["line"] == 5
    assert "never the secret itself" in error["message"]
    assert "tok-pasted" not in ended.out + ended.err
