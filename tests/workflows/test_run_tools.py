"""Tools that fail, hang and come back, within a run on the real server."""

import logging
import time
from typing import Any

import pytest

from activities.documents import get_memory
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import ToolContext, ToolDefinition, ToolError, tool
from rota.turns.memory import MEMORY_LIMIT
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, ending_of

ASK = {"result": "{results.books_match}"}


async def declared(stack: Stack, definition: ToolDefinition, **more: Any) -> str:
    """An agent that calls `definition` once and gives its result back."""
    name = stack.name("worker")
    runtime = script({"calls": [{"tool": definition.name}]}, ASK)
    await stack.declare(name, runtime=runtime, tools=[definition.name], retry=QUICK_RETRY, **more)
    return name


async def test_tool_that_stumbles_is_tried_again_with_the_same_key(stack: Stack) -> None:
    """A passing failure of an idempotent tool costs an attempt, not the run."""
    keys: list[str] = []

    @tool(name="books.match", effect="idempotent")
    def match(context: ToolContext) -> str:
        """Match, at the second try."""
        keys.append(context.idempotency_key)
        if len(keys) == 1:
            raise ConnectionError("the database is restarting")
        return "matched"

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "matched")
    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_tool_that_never_works_is_an_error_the_model_reads(stack: Stack) -> None:
    """After its attempts the model hears why, and may go on without it."""

    @tool(name="books.match")
    def match() -> str:
        """Fail."""
        raise ConnectionError("the database is gone")

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == (
        "books.match: ConnectionError: the database is gone (after 3 attempts)"
    )


async def test_tool_that_refuses_is_asked_once(stack: Stack) -> None:
    """A `ToolError` is the tool's answer: nothing would change it."""
    calls: list[None] = []

    @tool(name="books.match", effect="write")
    def match() -> str:
        """Refuse."""
        calls.append(None)
        raise ToolError("the period is closed")

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert (result.output, len(calls)) == ("the period is closed", 1)


async def test_tool_that_hangs_is_named_by_its_own_limit(stack: Stack) -> None:
    """The tool's timeout ends each attempt; the model learns how long was waited."""

    @tool(name="books.match", timeout="100ms")
    def match() -> str:
        """Take too long."""
        time.sleep(0.5)
        return "late"

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert result.output == "books.match: no answer within 100ms (after 3 attempts)"


async def test_write_that_crashes_is_not_repeated_and_fails_a_run_that_does_not_ask(
    stack: Stack,
) -> None:
    """Nobody knows whether it took effect; an agent may declare that nobody waits for a word."""
    calls: list[None] = []

    @tool(name="books.match", effect="write")
    def match() -> str:
        """Crash halfway."""
        calls.append(None)
        raise ConnectionError("lost in the middle")

    async with stack.worker([match]):
        name = await declared(stack, match, effects={"on_unknown": "fail"})
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "lost in the middle" in ending.message
    assert len(calls) == 1


async def test_write_with_text_that_is_no_unicode_succeeds(stack: Stack) -> None:
    """A file's name may hold any bytes; the tool did its work all the same."""

    @tool(name="books.match", effect="write")
    def match(context: ToolContext) -> str:
        """Give a name as `os.listdir` does."""
        context.heartbeat("file-\udce4.txt")
        return "file-\udce4.txt"

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "file-?.txt")


@pytest.mark.parametrize("error", [ToolError, OSError])
async def test_tool_that_fails_with_text_that_is_no_unicode_is_heard(
    stack: Stack, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a refusal nor a failure is lost over a name in it."""
    # The warning holds the name; test processes hand each other what is UTF-8 alone.
    caplog.set_level(logging.CRITICAL, "rota.tools")

    @tool(name="books.match")
    def match() -> str:
        """Fail."""
        raise error("cannot read file-\udce4.txt")

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert "cannot read file-?.txt" in result.output


async def test_tool_that_exits_fails_alone_and_its_worker_goes_on(stack: Stack) -> None:
    """Command line code made a tool: `argparse` ends the process for a wrong argument."""

    @tool(name="books.match")
    def match() -> str:
        """Exit."""
        raise SystemExit(2)

    async with stack.worker([match]):
        name = await declared(stack, match)
        result = await stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert "the tool tried to end the process: SystemExit(2)" in result.output


async def test_memory_updates_of_one_turn_are_sized_together(stack: Stack) -> None:
    """The one too many is refused where the model can react; the others still count."""
    half = "x" * (MEMORY_LIMIT // 2)
    patches = [{"a": half}, {"b": half}, {"c": "small"}]
    calls = [{"tool": "memory.update", "args": {"patch": patch}} for patch in patches]
    name = stack.name("keeping")
    async with stack.worker():
        await stack.declare(
            name,
            runtime=script({"calls": calls}, {"result": "done"}),
            tools=["memory.update"],
            retry=QUICK_RETRY,
        )
        result = await stack.run(name, f"{name}-1")
        memory = await get_memory(stack.store, result.memory)
    assert (result.status, result.reason) == (RunStatus.SUCCEEDED, "")
    assert memory is not None
    assert memory.document == {"a": half, "c": "small"}


@pytest.mark.parametrize(
    ("refresh", "outputs"),
    [
        (False, ["matched 1", "matched 1", "matched 2"]),
        (True, ["matched 1", "matched 2", "matched 3"]),
    ],
)
async def test_run_again_for_the_same_slot_repeats_no_effect(
    stack: Stack, refresh: bool, outputs: list[str]
) -> None:
    """What happened is not called again, unless its tool wants that; then with the same key."""
    keys: list[str] = []

    @tool(name="books.match", effect="idempotent", refresh=refresh)
    def match(context: ToolContext) -> str:
        """Match."""
        keys.append(context.idempotency_key)
        return f"matched {len(keys)}"

    slots = ["2026-11-22T06:00:00Z", "2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z"]
    async with stack.worker([match]):
        name = await declared(stack, match)
        results = [
            await stack.run(name, f"{name}-{number}", slot=slot)
            for number, slot in enumerate(slots)
        ]
    assert [result.output for result in results] == outputs
    assert len(set(keys)) == 2
