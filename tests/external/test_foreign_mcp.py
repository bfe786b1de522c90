"""MCP servers of others as an agent's tools: listed, pinned, called, by their own words.

Source: server-everything and server-filesystem 2026.8, which speak the protocol's older form
with a session, over stdio.
"""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from activities.mcp.calling import call
from activities.mcp.listing import list_server, pins_of
from activities.secrets import Secrets
from rota.connections import Connections
from rota.mcp import McpName
from rota.mcp_servers import McpServer
from rota.runs import AgentRunResult, RunStatus
from rota.tools import ToolContext, ToolError
from tests.external.software import node_program
from tests.stack import Stack, script

EVERYTHING = "@modelcontextprotocol/server-everything"
FILESYSTEM = "@modelcontextprotocol/server-filesystem"


def everything() -> McpServer:
    """A server with a tool for every part of the protocol."""
    return McpServer(command=(*node_program(EVERYTHING, "dist/index.js"), "stdio"))


def filesystem(folder: Path) -> McpServer:
    """A server of the files below `folder`."""
    return McpServer(command=(*node_program(FILESYSTEM, "dist/index.js"), str(folder)))


async def ask(server: McpServer, tool: str, told: list[str] | None = None, **args: Any) -> str:
    """Call one tool; what it reports on the way is added to `told`."""
    context = ToolContext(
        idempotency_key="key-1",
        agent="clerk",
        run_id="clerk-1",
        slot=None,
        fleet=Path.cwd(),
        input={},
        heartbeat=([] if told is None else told).append,
        log=logging.getLogger("rota.tools"),
        secrets=Secrets(),
    )
    return await call(McpName("theirs", tool), server, args, context)


@pytest.mark.parametrize(
    ("tool", "effect"),
    [
        ("read_text_file", "read"),
        ("list_directory", "read"),
        ("write_file", "idempotent"),
        ("create_directory", "idempotent"),
        ("edit_file", "write"),
        ("move_file", "write"),
    ],
)
async def test_external_mcp_annotations_decide_the_effect(
    tmp_path: Path, tool: str, effect: str
) -> None:
    """What the server says of its tools: read-only, idempotent, else a write."""
    server = filesystem(tmp_path)
    listed = await list_server("files", server, tmp_path, Secrets())
    [pin] = pins_of("files", server, listed, [tool])
    assert (pin.name, pin.effect) == (f"mcp:files/{tool}", effect)
    assert pin.parameters["type"] == "object"


async def test_external_mcp_every_tool_can_be_pinned(tmp_path: Path) -> None:
    """No schema of a real server is refused, and each pin is its own."""
    for name, server in (("everything", everything()), ("files", filesystem(tmp_path))):
        listed = await list_server(name, server, tmp_path, Secrets())
        pins = pins_of(name, server, listed, sorted(listed))
        assert len({pin.digest for pin in pins}) == len(pins) > 10


async def test_external_mcp_results_of_each_form_become_text() -> None:
    """Text, structure, a picture, a resource."""
    server = everything()
    assert await ask(server, "echo", message="hi") == "Echo: hi"
    weather = json.loads(await ask(server, "get-structured-content", location="New York"))
    assert weather.keys() == {"temperature", "conditions", "humidity"}
    assert "[image image/png, 4035 bytes: not shown]" in await ask(server, "get-tiny-image")
    assert "demo://resource/dynamic/text/1" in await ask(server, "get-resource-reference")


async def test_external_mcp_progress_becomes_heartbeats() -> None:
    """A long call shows that it is alive."""
    told: list[str] = []
    await ask(everything(), "trigger-long-running-operation", told, duration=0.2, steps=2)
    assert told == ["1 of 2", "2 of 2"]


@pytest.mark.parametrize(
    ("tool", "args", "words"),
    [
        ("no-such-tool", {}, "no-such-tool"),
        ("get-sum", {"a": "x", "b": 2}, "expected number"),
        ("trigger-elicitation-request", {}, "nobody can answer within a call"),
        ("simulate-research-query", {"topic": "boxes"}, "task"),
    ],
)
async def test_external_mcp_refusal_is_for_the_model(
    tool: str, args: dict[str, Any], words: str
) -> None:
    """Also of what Rota does not do: dialogues within a call, and tasks."""
    with pytest.raises(ToolError, match=words):
        await ask(everything(), tool, **args)


async def test_external_mcp_program_sees_no_secret_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tells its own environment: PATH and the like, and what was declared."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-worker")
    server = everything().model_copy(update={"env": {"TEAM": "ops"}})
    seen = json.loads(await ask(server, "get-env"))
    assert seen["TEAM"] == "ops"
    assert seen.keys() <= {"PATH", "HOME", "LANG", "TMPDIR", "TEAM"}


async def test_external_mcp_run_reads_and_writes_files(stack: Stack) -> None:
    """A whole run: what one tool read, another one has written."""
    folder = stack.folder / "files"
    folder.mkdir(parents=True)
    (folder / "stock.txt").write_text("three boxes")
    result = await copied(stack, folder, folder / "stock.txt")
    assert result.status is RunStatus.SUCCEEDED
    assert (folder / "copy.txt").read_text() == "three boxes"


async def copied(stack: Stack, folder: Path, source: Path) -> AgentRunResult:
    """A run that reads a file and writes what it read."""
    read, write = "mcp:files/read_text_file", "mcp:files/write_file"
    copy = {
        "path": str(folder / "copy.txt"),
        "content": "{results.mcp_files_read_text_file.content}",
    }
    turns = script(
        {"calls": [{"tool": read, "args": {"path": str(source)}}]},
        {"calls": [{"tool": write, "args": copy}]},
        {"result": "copied"},
    )
    name = stack.name("copyist")
    connections = Connections(mcp={"files": filesystem(folder)})
    async with stack.worker(connections=connections):
        await stack.declare(name, runtime=turns, tools=[read, write])
        return await stack.run(name, f"{name}-1")
