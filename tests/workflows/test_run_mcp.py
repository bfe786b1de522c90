"""Runs whose tools MCP servers serve: real servers, on the real Temporal server."""

import json
import sys
from typing import Any

import pytest
from mcp.server.request_state import RequestStateSecurity

from activities.documents import get_json, get_node
from rota.connections import Connections
from rota.failures import FailureCategory
from rota.mcp import ToolPins
from rota.mcp_servers import McpServer
from rota.runs import AgentRunResult, RunStatus
from tests.asking import open_questions
from tests.fakes.mcp_warehouse import KEY, SECRET, Log, WarehouseEndpoint
from tests.house.repository import ROOT
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, ending_of


@pytest.fixture
def log(stack: Stack) -> Log:
    """What the servers of one test were asked."""
    stack.folder.mkdir(parents=True, exist_ok=True)
    return Log(stack.folder / "calls.jsonl")


def program(stack: Stack, **env: str) -> Connections:
    """The warehouse as a local program."""
    command = (sys.executable, "-m", "tests.fakes.mcp_warehouse", str(stack.folder / "calls.jsonl"))
    server = McpServer(command=command, env={"PYTHONPATH": str(ROOT), **env})
    return Connections(mcp={"warehouse": server})


def endpoint(url: str, **declared: Any) -> Connections:
    """The warehouse behind a URL."""
    return Connections(mcp={"warehouse": McpServer(url=url, **declared)})


async def declared(stack: Stack, tool: str, **args: Any) -> str:
    """An agent that calls one tool of the warehouse and gives its result back."""
    name = stack.name("clerk")
    full = f"mcp:warehouse/{tool}"
    turns = script(
        {"calls": [{"tool": full, "args": args}]}, {"result": f"{{results.mcp_warehouse_{tool}}}"}
    )
    fails = {"on_unknown": "fail"}
    await stack.declare(name, runtime=turns, tools=[full], retry=QUICK_RETRY, effects=fails)
    return name


async def called(stack: Stack, connections: Connections, tool: str, **args: Any) -> AgentRunResult:
    """The result of a run that calls the tool."""
    async with stack.worker(connections=connections):
        name = await declared(stack, tool, **args)
        return await stack.run(name, f"{name}-1")


@pytest.mark.parametrize("way", ["program", "endpoint"])
async def test_tool_of_a_server_is_listed_once_and_called(stack: Stack, log: Log, way: str) -> None:
    """The whole way, over both transports; what was offered is in the record, by digest."""
    with WarehouseEndpoint(log) as warehouse:
        connections = program(stack) if way == "program" else endpoint(warehouse.url)
        result = await called(stack, connections, "query", region="north")
    node = await get_node(stack.store, result.transcript or "")
    pins = ToolPins.model_validate(await get_json(stack.store, node.pins or ""))
    [pin] = pins.tools
    assert result.status is RunStatus.SUCCEEDED
    assert json.loads(result.output) == {"region": "north", "boxes": 10}
    assert [call["region"] for call in log.calls("query")] == ["north"]
    assert (pin.name, pin.effect, pin.description) == (
        "mcp:warehouse/query",
        "read",
        "Read the stock of a region.",
    )
    assert pin.parameters["required"] == ["region"]
    assert len(pin.digest) == 64


async def test_arguments_that_do_not_fit_are_told_to_the_model_and_not_sent(
    stack: Stack, log: Log
) -> None:
    """The pinned schema is checked here, with a line for each problem."""
    result = await called(stack, program(stack), "query", region=7, limit="many")
    assert result.output == (
        "mcp:warehouse/query: arguments: limit: 'many' is not of type 'integer'; "
        "region: 7 is not of type 'string'"
    )
    assert log.calls("query") == []


async def test_refusal_of_a_tool_is_for_the_model(stack: Stack, log: Log) -> None:
    """What a tool answers as an error is read, not repeated."""
    result = await called(stack, program(stack), "refuse")
    assert result.status is RunStatus.SUCCEEDED
    assert "the warehouse is closed" in result.output
    assert len(log.calls("refuse")) == 1


async def test_read_whose_server_dies_is_repeated(stack: Stack, log: Log) -> None:
    """Nothing was changed, so it is asked again, of a server that is started anew."""
    result = await called(stack, program(stack), "read_and_die")
    assert json.loads(result.output) == {"result": "read"}
    assert len(log.calls("read_and_die")) == 2


async def test_write_whose_server_dies_is_never_repeated(stack: Stack, log: Log) -> None:
    """It may have taken effect: the run ends as unknown, and names the server."""
    async with stack.worker(connections=program(stack)):
        name = await declared(stack, "write_and_die")
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "mcp server warehouse: it went away" in ending.message
    assert len(log.calls("write_and_die")) == 1


@pytest.mark.parametrize(
    ("dead", "category", "text"),
    [
        (
            McpServer(command=("no-such-program",)),
            FailureCategory.INVALID_REQUEST,
            "mcp server warehouse: cannot start (mcp.warehouse.command): 'no-such-program'",
        ),
        (
            McpServer(command=(sys.executable, "-c", "raise SystemExit('no stock file')")),
            FailureCategory.TRANSIENT,
            "mcp server warehouse: cannot start: it ended before it answered: no stock file",
        ),
        (
            McpServer(url="http://127.0.0.1:9/mcp"),
            FailureCategory.TRANSIENT,
            "mcp server warehouse failed: ConnectError",
        ),
    ],
    ids=["no program", "ends at once", "nobody listens"],
)
async def test_dead_server_blocks_the_run_by_name_before_the_first_turn(
    stack: Stack, dead: McpServer, category: FailureCategory, text: str
) -> None:
    """No turn is paid for when a tool cannot be had, and people are told once, not each slot."""
    async with stack.worker(connections=Connections(mcp={"warehouse": dead})):
        name = await declared(stack, "query", region="north")
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert (ending.result.status, ending.result.category) == (RunStatus.BLOCKED, category)
    assert text in ending.message
    assert ending.result.turns == 0


async def test_tool_that_the_server_does_not_have_is_told_with_those_it_has(
    stack: Stack, log: Log
) -> None:
    """A typing mistake is found when the run begins."""
    with WarehouseEndpoint(log) as warehouse:
        async with stack.worker(connections=endpoint(warehouse.url)):
            name = await declared(stack, "querry")
            ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert "mcp server warehouse has no tool 'querry'; it has: environment, later" in ending.message
    assert ending.result.category is FailureCategory.INVALID_REQUEST
    assert ending.result.status is RunStatus.BLOCKED


async def test_server_that_refuses_the_token_blocks_the_run(
    stack: Stack, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a person can mend a credential; the message says where it is declared."""
    monkeypatch.setenv("WAREHOUSE_TOKEN", "not the right one")
    with WarehouseEndpoint(log, token="the right one") as warehouse:
        connections = endpoint(warehouse.url, token="env:WAREHOUSE_TOKEN")
        async with stack.worker(connections=connections):
            name = await declared(stack, "query", region="north")
            ending = await ending_of(await stack.start(name, f"{name}-1"))
            monkeypatch.setenv("WAREHOUSE_TOKEN", "the right one")
            result = await stack.run(name, f"{name}-2")
    assert (ending.result.status, ending.result.category) == (
        RunStatus.BLOCKED,
        FailureCategory.AUTH,
    )
    assert "check mcp.warehouse.token and headers in fleet.yaml" in ending.message
    assert result.status is RunStatus.SUCCEEDED


async def test_secret_of_a_program_stays_out_of_results_and_failures(
    stack: Stack, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server repeats of it is cut out; of the worker's environment it sees little."""
    monkeypatch.setenv(SECRET, "open sesame!")
    monkeypatch.setenv("WORKERS_OWN", "not for servers")
    secret = {SECRET: f"env:{SECRET}"}
    result = await called(stack, program(stack, **secret), "environment")
    closed = program(stack, WAREHOUSE_CLOSED="1", **secret)
    async with stack.worker(connections=closed):
        name = await declared(stack, "query", region="north")
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    told = json.loads(result.output)
    assert told[SECRET] == "[redacted]"
    assert "WORKERS_OWN" not in told
    assert "no stock file for [redacted]" in ending.message


async def test_question_of_a_server_is_answered_after_it_was_started_anew(
    stack: Stack, log: Log
) -> None:
    """Days may lie between: the question is the run's, its state opaque, the server new."""
    security = RequestStateSecurity(keys=[KEY])
    with WarehouseEndpoint(log, security=security) as warehouse:
        async with stack.worker(connections=endpoint(warehouse.url)):
            name = await declared(stack, "ship", order="A7")
            handle = await stack.start(name, f"{name}-1")
            [asked] = await open_questions(handle)
            warehouse.stop()
            warehouse.start()
            # The run checks the outermost type alone; the rest is found out where it is used.
            await handle.execute_update("answer", {"question": "q1", "value": {"region": "west"}})
            [again] = await open_questions(handle)
            await handle.execute_update("answer", {"question": "q2", "value": {"region": "north"}})
            result = await handle.result()
    assert asked["question"]["asker"] == "mcp:warehouse/ship"
    assert asked["question"]["text"] == "Where to with A7?"
    assert "'west' is not one of" in again["question"]["text"]
    assert json.loads(result.output) == {"result": "A7 goes north (shipping A7)"}
    assert [call["state"] for call in log.calls("ship")] == [None, "shipping A7"]


async def test_answer_that_a_server_no_longer_takes_is_told_to_the_model(
    stack: Stack, log: Log
) -> None:
    """A server that kept its key in memory forgets what it asked: the model may call again."""
    with WarehouseEndpoint(log) as warehouse:
        async with stack.worker(connections=endpoint(warehouse.url)):
            name = await declared(stack, "ship", order="A7")
            handle = await stack.start(name, f"{name}-1")
            await open_questions(handle)
            warehouse.stop()
            warehouse.start()
            await handle.execute_update("answer", {"question": "q1", "value": {"region": "north"}})
            result = await handle.result()
    assert result.status is RunStatus.SUCCEEDED
    assert "no longer takes the answer to what it asked" in result.output


async def test_refused_question_is_told_to_the_server(stack: Stack, log: Log) -> None:
    """Whoever declines leaves it to the tool what that means."""
    with WarehouseEndpoint(log) as warehouse:
        async with stack.worker(connections=endpoint(warehouse.url)):
            name = await declared(stack, "ship", order="A7")
            handle = await stack.start(name, f"{name}-1")
            await open_questions(handle)
            await handle.execute_update("answer", {"question": "q1", "declined": True})
            result = await handle.result()
    assert json.loads(result.output) == {"result": "A7 stays"}
