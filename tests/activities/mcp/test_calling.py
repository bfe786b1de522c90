"""Calls of real MCP servers: what goes over, what comes back, what is left behind."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activities.mcp.calling import call
from activities.mcp.results import RESULT_LIMIT
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.mcp import McpName
from rota.mcp_servers import McpServer
from rota.tools import ToolContext, ToolError
from tests.fakes.mcp_warehouse import Log, WarehouseEndpoint
from tests.house.repository import ROOT


def program(log: Path) -> McpServer:
    """The warehouse as a local program."""
    command = (sys.executable, "-m", "tests.fakes.mcp_warehouse", str(log))
    return McpServer(command=command, env={"PYTHONPATH": str(ROOT)})


def context(report: Callable[[str], None] = lambda text: None) -> ToolContext:
    """What a tool is told."""
    return ToolContext(
        idempotency_key="key-1",
        agent="clerk",
        run_id="clerk-1",
        slot=None,
        fleet=ROOT,
        input={},
        heartbeat=report,
        log=logging.getLogger("rota.tools"),
        secrets=Secrets(),
    )


async def ask(
    server: McpServer, tool: str, report: Callable[[str], None] = lambda text: None, **args: Any
) -> str:
    """Call one tool."""
    return await call(McpName("warehouse", tool), server, args, context(report))


async def test_call_over_http_carries_token_and_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared values go as they are, secrets are resolved for the call."""
    monkeypatch.setenv("CALL_TOKEN", "the right one")
    with WarehouseEndpoint(Log(tmp_path / "log"), token="the right one") as warehouse:
        server = McpServer(url=warehouse.url, token="env:CALL_TOKEN", headers={"X-Team": "ops"})
        text = await ask(server, "query", region="north")
    assert json.loads(text) == {"region": "north", "boxes": 10}
    assert {headers["x-team"] for headers in warehouse.headers} == {"ops"}
    assert warehouse.refused == 0


async def test_call_carries_its_idempotency_key(tmp_path: Path) -> None:
    """A server that wants to can tell a repeated call from a second one."""
    log = Log(tmp_path / "log")
    with WarehouseEndpoint(log) as warehouse:
        await ask(McpServer(url=warehouse.url), "post", amount=1)
    assert [call["key"] for call in log.calls("post")] == ["key-1"]


async def test_argument_that_travels_in_a_header_is_found_out(tmp_path: Path) -> None:
    """The server refuses the call without it; the list of tools says which it is."""
    log = Log(tmp_path / "log")
    with WarehouseEndpoint(log) as warehouse:
        text = await ask(McpServer(url=warehouse.url), "reserve", order="A7")
    assert json.loads(text) == {"result": "reserved for A7"}
    assert len(log.calls("reserve")) == 1
    assert "A7" in [headers.get("mcp-param-order") for headers in warehouse.headers]


async def test_redirect_to_another_host_is_refused(tmp_path: Path) -> None:
    """What is declared is trusted, not where it points: the token goes nowhere else."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        server = McpServer(url=warehouse.url.replace("/mcp", "/elsewhere"))
        with pytest.raises(StepError, match="not followed") as caught:
            await ask(server, "query", region="north")
    assert caught.value.category is FailureCategory.INVALID_REQUEST
    assert not caught.value.maybe_billed


async def test_progress_of_a_call_is_reported(tmp_path: Path) -> None:
    """What a server tells on the way shows up as the step's heartbeat."""
    told: list[str] = []
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        await ask(McpServer(url=warehouse.url), "slow", told.append, seconds=0)
    assert told == ["half way"]


async def test_server_that_is_not_ready_is_asked_again_with_its_state(tmp_path: Path) -> None:
    """*Not yet* is no question to a person, and no failure."""
    log = Log(tmp_path / "log")
    with WarehouseEndpoint(log) as warehouse:
        text = await ask(McpServer(url=warehouse.url), "later")
    assert json.loads(text) == {"result": "now"}
    assert [each["state"] for each in log.calls("later")] == [None, "soon"]


async def test_picture_and_flood_are_told_not_sent(tmp_path: Path) -> None:
    """A model reads text, of bounded length."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        server = McpServer(url=warehouse.url)
        picture = await ask(server, "picture")
        lots = await ask(server, "lots", size=RESULT_LIMIT * 3)
    assert "[image image/png, 300 bytes: not shown]" in picture
    assert len(lots) < RESULT_LIMIT + 100
    assert "[cut: " in lots


@pytest.mark.parametrize("tool", ["no_such_tool", "refuse"])
async def test_refusal_is_an_error_that_the_model_reads(tmp_path: Path, tool: str) -> None:
    """Also of a tool that the server has lost since the run began."""
    with (
        WarehouseEndpoint(Log(tmp_path / "log")) as warehouse,
        pytest.raises(ToolError, match=r"no_such_tool|the warehouse is closed"),
    ):
        await ask(McpServer(url=warehouse.url), tool)


async def test_endpoint_that_is_gone_has_done_nothing(tmp_path: Path) -> None:
    """A write that cannot have arrived is no unknown outcome."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        pass
    with pytest.raises(StepError, match="mcp server warehouse failed: ConnectError") as caught:
        await ask(McpServer(url=warehouse.url), "post", amount=1)
    assert (caught.value.category, caught.value.maybe_billed) == (FailureCategory.TRANSIENT, False)


async def test_program_that_dies_within_a_call_may_have_done_it(tmp_path: Path) -> None:
    """Once the connection stood, nobody knows."""
    with pytest.raises(StepError, match="mcp server warehouse: it went away") as caught:
        await ask(program(tmp_path / "log"), "write_and_die")
    assert (caught.value.category, caught.value.maybe_billed) == (FailureCategory.TRANSIENT, True)


async def test_call_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    """The program goes with the call, however that ends."""
    log = Log(tmp_path / "log")
    calling = asyncio.create_task(ask(program(tmp_path / "log"), "slow", seconds=60))
    async with asyncio.timeout(20):
        while not log.calls("slow"):  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.02)
    [begun] = log.calls("slow")
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    with pytest.raises(ProcessLookupError):
        os.kill(begun["pid"], 0)
