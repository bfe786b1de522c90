"""What the doctor finds out about MCP servers."""

import re
import sys
from pathlib import Path

import pytest

from schedules.fleet import load_fleet
from tests.fakes.mcp_warehouse import Log, WarehouseEndpoint
from workers.looks import take_all
from workers.mcp_checks import mcp_looks

AGENT = """
kind: Agent
name: {name}
runtime: {{kind: scripted, turns: [{{result: done}}]}}
tools: [{tools}]
"""


def write(folder: Path, servers: str, **tools: str) -> None:
    """A fleet with these servers, and agents with these tools."""
    (folder / "agents").mkdir()
    (folder / "fleet.yaml").write_text(f"name: fleet\nmcp:\n{servers}")
    for name, listed in tools.items():
        (folder / "agents" / f"{name}.yaml").write_text(AGENT.format(name=name, tools=listed))


async def test_server_that_answers_is_shown_with_its_tools(tmp_path: Path) -> None:
    """One line per declared server, whether or not an agent names it."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        servers = f"  warehouse: {{url: {warehouse.url}}}\n"
        write(tmp_path, servers, clerk="mcp:warehouse/query")
        [check] = await take_all(mcp_looks(load_fleet(tmp_path)))
    assert (check.name, check.ok) == ("mcp server warehouse", True)
    assert "environment, later, lots, picture, post, query" in check.found


async def test_tool_that_is_not_there_is_found_before_a_run_needs_it(tmp_path: Path) -> None:
    """The files alone cannot tell; the server can."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        servers = f"  warehouse: {{url: {warehouse.url}}}\n"
        write(tmp_path, servers, clerk="mcp:warehouse/query, mcp:warehouse/querry")
        [check] = await take_all(mcp_looks(load_fleet(tmp_path)))
    assert not check.ok
    assert check.found.startswith("has no querry; it has: ")


async def test_tool_that_is_not_what_the_fleet_pins_is_told_with_its_digest(
    tmp_path: Path,
) -> None:
    """Before a run finds out; with what to write once somebody has looked."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        pins = "{query: '000000000000'}"
        write(tmp_path, f"  warehouse: {{url: {warehouse.url}, pins: {pins}}}\n")
        [check] = await take_all(mcp_looks(load_fleet(tmp_path)))
        told = re.search("then pin ([0-9a-f]{12})", check.found)
        assert told is not None
        file = tmp_path / "fleet.yaml"
        file.write_text(file.read_text().replace("000000000000", told[1]))
        [again] = await take_all(mcp_looks(load_fleet(tmp_path)))
    assert (check.ok, again.ok) == (False, True)
    assert "its tool 'query' is not what mcp.warehouse.pins says" in check.found


async def test_servers_that_do_not_answer_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the ways has its words and its cure; none raises, none shows a secret."""
    monkeypatch.setenv("MCP_CHECK_SECRET", "open sesame!")
    loud = "\"import os, sys; sys.exit(os.environ['KEY'])\""
    servers = f"""
  absent: {{command: [no-such-program]}}
  loud: {{command: [{sys.executable}, -c, {loud}], env: {{KEY: env:MCP_CHECK_SECRET}}}}
  closed: {{url: http://127.0.0.1:9/mcp}}
  keyless: {{url: http://127.0.0.1:9/mcp, token: env:MCP_CHECK_UNSET}}
  slow: {{command: [{sys.executable}, -c, 'import time; time.sleep(60)'], list_timeout: 1s}}
"""
    write(tmp_path, servers)
    checks = {check.name: check for check in await take_all(mcp_looks(load_fleet(tmp_path)))}
    found = {name.removeprefix("mcp server "): check.found for name, check in checks.items()}
    assert not any(check.ok for check in checks.values())
    assert all(check.cure for check in checks.values())
    assert "cannot start (mcp.absent.command): 'no-such-program'" in found["absent"]
    assert found["loud"].endswith("it ended before it answered: [redacted]")
    assert "ConnectError" in found["closed"]
    assert "fleet.yaml: mcp.keyless.token: secret env:MCP_CHECK_UNSET" in found["keyless"]
    assert "no list of tools within 1s (mcp.slow.list_timeout)" in found["slow"]
