"""An agent whose tools have nothing to work with is refused before it costs anything."""

from pathlib import Path
from typing import Any

import pytest

from activities.preflight import preflight
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.connections import MENDING, Connections
from rota.failures import FailureCategory, StepError

TOOLS = {
    "http.get": ("egress", {"allow": ["https://example.com"]}),
    "github.get_pull": ("github", {"token": "env:ROTA_TEST_TOKEN"}),
    "jira.create_issue": (
        "jira",
        {"base_url": "https://j.example", "user": "u", "token": "env:ROTA_TEST_TOKEN"},
    ),
    "slack.post": ("slack", {"webhook": "env:ROTA_TEST_TOKEN"}),
    "email.send": (
        "email",
        {"host": "h", "from": "a@b.example", "user": "u", "password": "env:ROTA_TEST_TOKEN"},
    ),
    "sql.query": ("databases", {"books": {"url": "env:ROTA_TEST_TOKEN"}}),
}
"""By tool: the key of `fleet.yaml` that it needs, and a block that will do."""


def agent(*tools: str) -> AgentSpec:
    """An agent that lists these tools."""
    runtime = {"kind": "scripted", "turns": [{"result": 1}]}
    return AgentSpec.model_validate({"name": "agent", "runtime": runtime, "tools": tools})


def refusal(folder: Path, connections: dict[str, Any], *tools: str) -> StepError:
    """What an agent with these tools is told."""
    toolbox = Toolbox.open(folder, Connections.model_validate(connections))
    with pytest.raises(StepError) as refused:
        preflight(agent(*tools), toolbox)
    return refused.value


@pytest.mark.parametrize("tool", TOOLS)
def test_agent_whose_connection_is_not_declared_is_refused_in_one_line(
    tmp_path: Path, tool: str
) -> None:
    """It names the tool, the key, and what to write."""
    key, _ = TOOLS[tool]
    error = refusal(tmp_path, {}, "files.read", tool)
    assert error.category is FailureCategory.INVALID_REQUEST
    assert str(error) == (
        f"'{tool}' needs {key} in fleet.yaml; {MENDING[key]}, and restart the worker"
    )


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "http.get"])
def test_agent_whose_secret_is_missing_is_refused_by_its_place(
    tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place in `fleet.yaml` and the reference are named; with it, the agent may work."""
    key, block = TOOLS[tool]
    monkeypatch.delenv("ROTA_TEST_TOKEN", raising=False)
    error = refusal(tmp_path, {key: block}, tool)
    assert error.category is FailureCategory.AUTH
    assert str(error).startswith(f"fleet.yaml: {key}.")
    assert str(error).endswith(
        ": secret env:ROTA_TEST_TOKEN: the worker's environment has no ROTA_TEST_TOKEN"
    )
    monkeypatch.setenv("ROTA_TEST_TOKEN", "a-token")
    preflight(agent(tool), Toolbox.open(tmp_path, Connections.model_validate({key: block})))


def test_agent_without_such_tools_needs_no_connection(tmp_path: Path) -> None:
    """A secret that only others use may be missing."""
    connections = Connections.model_validate({"github": {"token": "env:ROTA_TEST_NOWHERE"}})
    preflight(agent("files.read", "memory.update"), Toolbox.open(tmp_path, connections))


def test_fleet_that_has_a_tool_of_that_name_itself_needs_no_connection(tmp_path: Path) -> None:
    """A team's own tool takes the place of the built-in one, and of what that needs."""
    (tmp_path / "tools.py").write_text(
        "from rota.tools import tool\n\n\n"
        '@tool(name="github.comment")\ndef comment() -> str:\n    """Say it."""\n    return ""\n'
    )
    preflight(agent("github.comment"), Toolbox.open(tmp_path))
