"""A trace whose worker was killed: what the next one sends completes it, and no secret leaves."""

import asyncio
import json
import signal
from collections import Counter

import pytest

from rota.spans import ATTRIBUTES, CONTENT
from tests.fakes.otlp_receiver import PATH, OtlpReceiver, Received
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, script
from tests.workflows.gates import poll

SECRET = "planted-secret-of-the-warehouse"
TOOLS = '''
import time

from rota.tools import ToolContext, tool


@tool(name="books.look", effect="idempotent")
def look(context: ToolContext, page: str) -> str:
    """Look something up; the answer is careless."""
    secret = context.secrets("env:BOOKS_TOKEN")
    (context.fleet / "reached").touch()
    while (context.fleet / "hold").exists():
        time.sleep(0.02)
    return f"opened {page} with {secret}"
'''


@pytest.mark.soak
async def test_worker_killed_within_a_tool_leaves_one_trace_without_its_secret(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn once, the run once; content, where it is wanted, as the transcript has it."""
    (stack.folder / "tools.py").write_text(TOOLS)
    (stack.folder / "hold").touch()
    monkeypatch.setenv("BOOKS_TOKEN", SECRET)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    name = stack.name("careless")
    call = {"tool": "books.look", "args": {"page": "page 7"}}
    usage = {"input_tokens": 90, "output_tokens": 10}
    turns = [{"calls": [call], "usage": usage}, {"result": "all {results.books_look}"}]
    with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)

        async def came(name: str) -> Received | None:
            return next((span for span in receiver.spans if span.name == name), None)

        async def reached() -> bool | None:
            return (stack.folder / "reached").exists() or None

        async with worker_process(stack) as first:
            await stack.declare(name, runtime=script(*turns), tools=["books.look"])
            handle = await stack.start(name, f"{name}-1")
            await poll(reached)
            await poll(lambda: came("chat scripted"))
            async with worker_process(stack):
                kill(first)
                (stack.folder / "hold").unlink()
                await handle.result()
                await poll(lambda: came(f"invoke_agent {name}"))
    assert receiver.tree(f"{name}-1") == [
        f"invoke_agent {name}",
        "  chat scripted",
        "  execute_tool books.look",
        "  chat scripted",
    ]
    assert receiver.twice() == []
    assert Counter(s.attributes["rota.run"] for s in receiver.spans) == {f"{name}-1": 4}
    chat, tool = sorted(receiver.spans, key=lambda span: span.start)[1:3]
    assert chat.attributes["gen_ai.usage.input_tokens"] == 90
    assert tool.attributes["rota.attempt"] == 2
    assert tool.attributes["gen_ai.tool.call.result"] == "opened page 7 with [redacted]"
    assert json.loads(tool.attributes["gen_ai.tool.call.arguments"]) == {"page": "page 7"}
    (asked,) = json.loads(chat.attributes["gen_ai.output.messages"])
    assert asked["role"] == "assistant"
    assert {key for s in receiver.spans for key in s.attributes} <= {*ATTRIBUTES, *CONTENT}
    assert SECRET.encode() not in b"".join(receiver.bodies)
    assert b"[redacted]" in b"".join(receiver.bodies)


async def test_worker_that_is_stopped_sends_what_it_has_recorded(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the next time to send is a minute away."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    name = stack.name("brief")
    with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{receiver.url}{PATH}")
        async with worker_process(stack) as worker:
            await stack.declare(name, runtime=script({"result": "done"}))
            await stack.run(name, f"{name}-1")
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) == 0
    assert receiver.tree(f"{name}-1") == [f"invoke_agent {name}", "  chat scripted"]
