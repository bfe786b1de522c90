"""A secret that a tool resolves is found nowhere afterwards: on the real server."""

import json
import logging
from typing import cast

import pytest
from google.protobuf.json_format import MessageToJson

from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.ids import keeper_id
from rota.runs import RunStatus
from rota.tools import ToolContext, ToolError, tool
from tests.contract.double_provider import Ends, Fails, FakeProvider, Says
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import ending_of, events_of, thinker
from tests.workflows.doubled import Doubles

SENTINEL = "s3ntinel-0fc1a7d2-never-to-be-seen"


@tool(name="vault.echo")
def echo(context: ToolContext) -> dict[str, str]:
    """Give the secret back, and log it."""
    value = context.secrets("env:ROTA_TEST_SENTINEL")
    context.log.warning("got %s", value)
    context.heartbeat(f"using {value}")
    return {"token": value}


@tool(name="vault.refuse")
def refuse(context: ToolContext) -> str:
    """Refuse with the secret in the words."""
    raise ToolError(f"cannot use {context.secrets('env:ROTA_TEST_SENTINEL')}")


@tool(name="vault.crash", effect="write")
def crash(context: ToolContext) -> str:
    """Crash with the secret in the exception and its cause."""
    value = context.secrets("env:ROTA_TEST_SENTINEL")
    try:
        raise KeyError(value)
    except KeyError as error:
        raise RuntimeError(f"bad token {value}") from error


@pytest.mark.parametrize("name", ["vault.echo", "vault.refuse", "vault.crash"])
async def test_secret_of_a_tool_is_in_no_history_store_log_or_request(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Returned, raised, logged or heartbeat: the value is cut out everywhere."""
    monkeypatch.setenv("ROTA_TEST_SENTINEL", SENTINEL)
    caplog.set_level(logging.DEBUG)
    async with AnthropicFake() as fake:
        fake.call_tool(name.replace(".", "__"), {})
        if name != "vault.crash":
            fake.say("Done.")
        fails = {"on_unknown": "fail"}
        async with thinker(stack, fake, tools=[echo, refuse, crash], effects=fails) as agent:
            run = await stack.start(agent, f"{agent}-1")
            described = await run.result() if name != "vault.crash" else None
            if described is None:
                with pytest.raises(Exception, match="Workflow execution failed"):
                    await run.result()
            keeper = stack.client.get_workflow_handle(keeper_id(agent))
            histories = [*await events_of(run), *await events_of(keeper)]
            state = await stack.keeper(agent)
    assert described is None or described.status is RunStatus.SUCCEEDED
    seen = {
        "history": "".join(MessageToJson(event) for event in histories),
        "raw history": "".join(str(event) for event in histories),
        "keeper": state.model_dump_json(),
        "log": caplog.text,
        "requests": json.dumps([request.body for request in fake.requests]),
        "store": "".join(
            path.read_text(errors="replace") for path in stack.folder.rglob("*") if path.is_file()
        ),
    }
    assert [place for place, text in seen.items() if SENTINEL in text] == []
    assert "[redacted]" in seen["store"] or name == "vault.crash"


@pytest.mark.parametrize("ends", ["answer", "failure", "fault"])
async def test_secret_that_a_session_repeats_is_in_no_history_and_no_store(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """A service that shows what it was sent, in its progress, its answer or its failure."""
    monkeypatch.setenv("ROTA_TEST_SENTINEL", SENTINEL)
    Secrets()("env:ROTA_TEST_SENTINEL")
    refusal = StepError(FailureCategory.TOOL_FAILED, f"no {SENTINEL}", maybe_billed=True)
    acts = {"answer": Ends(f"used {SENTINEL}"), "failure": Fails(refusal)}
    provider = FakeProvider()
    provider.acts = [
        Says(f"got {SENTINEL}"),
        acts.get(ends, Fails(cast("StepError", ValueError(SENTINEL)))),
    ]
    doubles = Doubles(stack, provider, monkeypatch)
    async with doubles.worker() as name:
        run = await stack.start(name, f"{name}-1")
        if ends == "answer":
            assert (await run.result()).output == "used [redacted]"
        else:
            assert SENTINEL not in (await ending_of(run)).message
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        histories = [*await events_of(run), *await events_of(keeper)]
    assert [event for event in histories if SENTINEL in str(event)] == []
    files = [path for path in stack.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if SENTINEL in path.read_text(errors="replace")] == []


async def test_key_of_a_runtime_is_cut_out_of_a_tools_result(stack: Stack) -> None:
    """What one part of the worker resolved is secret in the words of every other."""

    @tool(name="vault.leak")
    def leak() -> str:
        """Find the runtime's key in a file and show it."""
        return f"found {(stack.folder / 'claude-key').read_text()}"

    async with AnthropicFake() as fake:
        fake.call_tool("vault__leak", {})
        fake.say("Done.")
        async with thinker(stack, fake, tools=[leak]) as agent:
            await stack.run(agent, f"{agent}-1")
    (answer,) = fake.requests[1].body["messages"][-1]["content"]
    assert answer["content"] == "found [redacted]\n"
