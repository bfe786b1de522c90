"""The trace of a run, whole, as a receiver has it: whoever replays, stops or dies meanwhile."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.worker import Replayer

from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.spans import ATTRIBUTES
from rota.tools import ToolDefinition, tool
from tests.fakes.otlp_receiver import OtlpReceiver
from tests.pipelines import declare_pipeline, run_pipeline
from tests.stack import Stack, script
from tests.workers.tracing.conftest import KEY, Sent
from tests.workflows.gates import GATED, Gate
from tests.workflows.handing import asks, told_by
from tests.workflows.topics import Topic, runs_of
from workers.connection import connect
from workers.key_use import keys_in
from workers.log_context import log_fields
from workers.plugin import RUN_WORKFLOWS, RotaPlugin
from workers.settings import Settings
from workers.tracing.options import TraceOptions
from workers.tracing.plugin import TracePlugin

SECRET_WORDS = "what nobody may read"


def listening(heard: list[dict[str, Any]]) -> ToolDefinition:
    """A tool that notes what a line of the log would carry."""

    @tool(name="notes.hear")
    def hear(words: str) -> str:
        """Listen."""
        heard.append(dict(log_fields()))
        return words

    return hear


async def replayed(handle: WorkflowHandle[Any, Any], stack: Stack, *, traced: bool) -> None:
    """Fails if the run's history does not replay."""
    plugins: list[Any] = [RotaPlugin(stack.store)]
    if traced:
        plugins.append(TracePlugin(TraceOptions(content=False)))
    replayer = Replayer(workflows=RUN_WORKFLOWS, plugins=plugins)
    await replayer.replay_workflow(await handle.fetch_history())


@pytest.mark.usefixtures("forgetful")
async def test_trace_holds_everything_that_a_run_led_to_and_each_thing_once(
    traced: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """Nodes, turns, tools and called agents; replays, of every task and later, add nothing."""
    stack, heard = traced, list[dict[str, Any]]()
    front, helper, line = (stack.name(each) for each in ("front", "helper", "line"))
    call = {"tool": "notes.hear", "args": {"words": SECRET_WORDS}}
    turns = [{"calls": [call]}, {"calls": [asks(helper)]}, {"result": told_by(helper)}]
    async with stack.worker([listening(heard)]):
        await stack.declare(helper, runtime=script({"result": "helped"}))
        tools = ["notes.hear", f"agents.{helper}"]
        await stack.declare(front, runtime=script(*turns), tools=tools)
        await declare_pipeline(stack, line, nodes={"ask": {"agent": front}})
        assert (await run_pipeline(stack, line, f"{line}-1")).status is RunStatus.SUCCEEDED
        handle = stack.client.get_workflow_handle(f"{line}-1/ask")
        # A query of a closed run replays it whole, in a worker that records.
        await handle.query("status")
        await replayed(handle, stack, traced=True)
        await replayed(handle, stack, traced=False)
    await sent()
    assert receiver.tree(f"{line}-1") == [
        f"invoke_workflow {line}",
        f"  invoke_agent {front}",
        "    chat scripted",
        "    execute_tool notes.hear",
        "    chat scripted",
        f"    invoke_agent {helper}",
        "      chat scripted",
        "    chat scripted",
    ]
    spans = receiver.of(f"{line}-1")
    assert receiver.twice() == []
    assert all(set(span.attributes) <= set(ATTRIBUTES) for span in spans)
    (known,) = heard
    assert known["trace_id"] == spans[0].trace
    assert known["run"] == f"{line}-1/ask"
    assert SECRET_WORDS.encode() not in b"".join(receiver.bodies)


async def test_run_that_an_event_started_is_in_the_trace_of_the_one_that_published_it(
    traced: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """The topic between them lives for ever, and is in nobody's trace: nor is its next event."""
    stack, topic = traced, Topic(traced, "done")
    first, later = stack.name("first"), stack.name("later")
    async with stack.worker():
        await stack.declare(later, runtime=script({"result": "noted"}))
        await stack.declare(first, runtime=script({"result": "done"}), emits=[topic.event])
        await topic.subscribe(later)
        for run in (f"{first}-1", f"{first}-2"):
            await stack.run(first, run)
        for started in await runs_of(stack, later, 2):
            await stack.client.get_workflow_handle(started).result()
    await sent()
    for run in (f"{first}-1", f"{first}-2"):
        assert receiver.tree(run) == [
            f"invoke_agent {first}",
            "  chat scripted",
            f"  invoke_agent {later}",
            "    chat scripted",
        ]


@pytest.mark.usefixtures("forgetful")
async def test_trace_of_a_run_whose_worker_was_stopped_is_one(
    traced: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """The run's span is sent by the worker that ended it; only the attempt is told apart."""
    gate, name = Gate(), traced.name("stopped")
    async with traced.worker([gate.tool]):
        await traced.declare(name, **GATED)
        handle = await traced.start(name, f"{name}-1")
        await gate.reached.wait()
    gate.opened.set()
    async with traced.worker([gate.tool]):
        await handle.result()
    await sent()
    assert receiver.tree(f"{name}-1") == [
        f"invoke_agent {name}",
        "  chat scripted",
        "  execute_tool gate.pass",
        "  execute_tool gate.pass",
        "  chat scripted",
    ]
    assert receiver.twice() == []
    tools = [s for s in receiver.of(f"{name}-1") if s.name.startswith("execute_tool")]
    ends = {span.attributes["rota.attempt"]: span.attributes.get("error.type") for span in tools}
    assert ends == {1: "cancelled", 2: None}
    assert {span.attributes["rota.run"] for span in receiver.of(f"{name}-1")} == {f"{name}-1"}


def stumbling() -> ToolDefinition:
    """A tool that fails in words of others."""

    @tool(name="notes.lose")
    def lose() -> str:
        """Lose them."""
        raise StepError(FailureCategory.AUTH, SECRET_WORDS)

    return lose


async def test_failed_run_says_so_without_words_of_others(
    traced: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """Category and status; the text of the failure stays in the history."""
    name = traced.name("failing")
    async with traced.worker([stumbling()]):
        runtime = script({"calls": [{"tool": "notes.lose"}]}, {"result": "done"})
        await traced.declare(name, runtime=runtime, tools=["notes.lose"])
        handle = await traced.start(name, f"{name}-1")
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    await sent()
    spans = {span.name: span for span in receiver.of(f"{name}-1") if span.is_error}
    run, call = spans[f"invoke_agent {name}"], spans["execute_tool notes.lose"]
    assert run.attributes["rota.status"] in ("failed", "blocked")
    assert run.attributes["error.type"] == call.attributes["error.type"]
    assert {(span.status, span.events) for span in (run, call)} == {("", 0)}
    assert SECRET_WORDS.encode() not in b"".join(receiver.bodies)


async def test_run_that_continues_as_new_stays_in_one_trace(
    traced_hasty: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """Its next history is below the one before; each turn and call is in the one that made it."""
    stack, name = traced_hasty, traced_hasty.name("long")
    turns = [{"calls": [{"tool": "notes.hear", "args": {"words": f"{n}"}}]} for n in range(6)]
    async with stack.worker([listening([])]):
        runtime = script(*turns, {"result": "done"})
        await stack.declare(name, runtime=runtime, tools=["notes.hear"])
        await stack.run(name, f"{name}-1")
    await sent()
    names = [line.strip() for line in receiver.tree(f"{name}-1")]
    spans = receiver.of(f"{name}-1")
    assert receiver.twice() == []
    assert (names.count("chat scripted"), names.count("execute_tool notes.hear")) == (7, 6)
    runs = [span for span in spans if span.name == f"invoke_agent {name}"]
    assert len(runs) > 1
    assert [run.attributes.get("rota.continued") for run in runs] == [None, "true"]
    assert [run.parent for run in runs] == ["", runs[0].id]


async def test_headers_of_traces_are_encrypted_where_keys_are_declared(
    traced_sealed: Stack, receiver: OtlpReceiver, sent: Sent
) -> None:
    """As all else is; the trace is whole all the same."""
    stack, name = traced_sealed, traced_sealed.name("sealed")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        await stack.run(name, f"{name}-1")
    await sent()
    assert receiver.tree(f"{name}-1") == [f"invoke_agent {name}", "  chat scripted"]
    handle = stack.client.get_workflow_handle(f"{name}-1")
    headers = [
        event.activity_task_scheduled_event_attributes.header
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert [list(header.fields) for header in headers] == [["_tracer-data"]]
    assert [keys_in(header) for header in headers] == [{KEY.id}]


async def test_run_that_a_job_started_is_in_the_trace_of_the_job(
    traced: Stack, receiver: OtlpReceiver, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command's environment names it; whatever else the worker does is in no such trace."""
    job, step, name = "0123456789abcdef" * 2, "fedcba9876543210", traced.name("job")
    settings = Settings.read(traced.folder, store=traced.store.address, address=traced.address)

    async def command() -> None:
        monkeypatch.setenv("TRACEPARENT", f"00-{job}-{step}-01")
        client = await connect(settings, traced.store)
        await client.execute_workflow(
            "AgentRun", {"agent": name}, id=f"{name}-1", task_queue=traced.task_queue
        )

    async with traced.worker():
        await traced.declare(name, runtime=script({"result": "done"}))
        await asyncio.create_task(command())  # a context of its own, as a process has
        await traced.run(name, f"{name}-2")
    await sent()
    (run,) = [s for s in receiver.of(f"{name}-1") if s.name == f"invoke_agent {name}"]
    assert (run.trace, run.parent) == (job, step)
    assert {span.trace for span in receiver.of(f"{name}-2")}.isdisjoint({job})
