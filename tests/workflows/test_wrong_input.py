"""`AgentRun` from outside: the real `temporal` command and the Python client."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from rota.runs import AgentRunInput, AgentRunResult, RunStatus
from tests.stack import Stack, script
from tests.workflows.claude import events_of, kinds_of
from workers.devserver import temporal_binary

DONE = script({"result": "done"})


async def temporal(stack: Stack, run_id: str, *inputs: str) -> tuple[int, dict[str, Any]]:
    """`temporal workflow execute` on the stack's queue: exit code and what it printed."""
    command = [temporal_binary(), "workflow", "execute", "--address", stack.address]
    command += ["--type", "AgentRun", "--task-queue", stack.task_queue, "--workflow-id", run_id]
    command += [part for text in inputs for part in ("--input", text)]
    process = await asyncio.create_subprocess_exec(
        *command, "-o", "json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, error = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    assert output, error.decode()
    return process.returncode, json.loads(output)


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown key": (('{"agnt": "x"}',), "agnt: Extra inputs are not permitted"),
    "wrong type": (('{"agent": 3}',), "agent: Input should be a valid string"),
    "no name": (('{"agent": "Not A Name!"}',), "is not a name"),
    "wrong slot": (('{"agent": "x", "slot": "tomorrow"}',), "slot: Input should be a valid"),
    "slot without zone": (('{"agent": "x", "slot": "2026-01-01T00:00:00"}',), "slot: Input should"),
    "year 1": (
        ('{"agent": "x", "slot": "0001-01-01T00:00:00+14:00"}',),
        "not between 1970 and 2200",
    ),
    "list": (('["x"]',), "Input should be an object"),
    "string": (('"x"',), "Input should be an object"),
    "number": (("3",), "Input should be an object"),
    "null": (("null",), "Input should be an object"),
    "nothing": ((), "takes 1 JSON argument, not 0"),
    "too much": (('{"agent": "x"}', '{"agent": "x"}'), "takes 1 JSON argument, not 2"),
    "agent not declared": (('{"agent": "never-declared"}',), "'never-declared' is not declared"),
}


async def test_wrong_input_from_the_command_line_fails_cleanly_with_words(stack: Stack) -> None:
    """Each mistake closes the run as failed, names itself, and fails no workflow task."""

    async def problem(case: str) -> str:
        inputs, words = WRONG[case]
        run_id = f"{stack.task_queue}-{case.replace(' ', '-')}"
        code, printed = await temporal(stack, run_id, *inputs)
        handle = stack.client.get_workflow_handle(run_id)
        kinds = kinds_of(await events_of(handle))
        text = json.dumps(printed.get("failure", printed))
        if (code, printed["status"]) != (1, "FAILED"):
            return f"{case}: ended {printed['status']} with exit code {code}"
        if "WORKFLOW_TASK_FAILED" in kinds:
            return f"{case}: a workflow task failed"
        return "" if words in text else f"{case}: says {text}"

    async with stack.worker():
        problems: list[str] = []
        for start in range(0, len(WRONG), 4):  # a few at once: each is a process of its own
            cases = list(WRONG)[start : start + 4]
            problems += await asyncio.gather(*(problem(case) for case in cases))
    assert [line for line in problems if line] == []


async def test_right_input_from_the_command_line_works(stack: Stack) -> None:
    """The example of the README: plain JSON starts a run, and its result is plain JSON."""
    name = stack.name("report")
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        code, printed = await temporal(
            stack, f"{name}-1", json.dumps({"agent": name, "slot": "2026-11-22T07:00:00+01:00"})
        )
    assert (code, printed["status"]) == (0, "COMPLETED")
    assert printed["result"]["status"] == "succeeded"
    assert printed["result"]["output"] == "done"
    assert printed["result"]["slot"] == "2026-11-22T06:00:00Z"


async def test_python_client_without_rota_starts_runs_with_a_dict_or_the_model(
    stack: Stack,
) -> None:
    """Rota's own client takes the model or a dict; any other client takes the dict."""
    name = stack.name("report")
    plain = await Client.connect(stack.address)
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        runs: list[tuple[Client, Any]] = [
            (plain, {"agent": name}),
            (stack.client, {"agent": name}),
            (stack.client, AgentRunInput(agent=name)),
        ]
        results = [
            await client.execute_workflow(
                "AgentRun",
                argument,
                id=f"{name}-{number}",
                task_queue=stack.task_queue,
                result_type=dict,
            )
            for number, (client, argument) in enumerate(runs)
        ]
    assert [result["output"] for result in results] == ["done"] * 3


async def test_failed_run_hands_its_result_to_a_client_without_rota(stack: Stack) -> None:
    """The failure's detail is the whole result as plain JSON."""
    name = stack.name("silent")
    plain = await Client.connect(stack.address)
    schema = {"type": "object"}
    async with stack.worker():
        runtime = script({"result": "a"}, {"result": "b"})
        await stack.declare(name, runtime=runtime, output={"schema": schema})
        with pytest.raises(WorkflowFailureError) as caught:
            await plain.execute_workflow(
                "AgentRun", {"agent": name}, id=f"{name}-1", task_queue=stack.task_queue
            )
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "RunFailed"
    assert AgentRunResult.model_validate(cause.details[0]).status is RunStatus.FAILED
