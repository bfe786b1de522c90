"""Calling one tool function: arguments in, text out."""

import asyncio
import logging
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from activities.tools.call import THREADS, ArgumentsError, call_tool, check_arguments
from rota.failures import StepError
from rota.tools import ToolContext, ToolDefinition, tool

CONTEXT = ToolContext(
    idempotency_key="key-1",
    agent="agent",
    run_id="agent-1",
    slot=None,
    fleet=Path(),
    input={},
    heartbeat=lambda text: None,
    log=logging.getLogger("rota.tools"),
    secrets=lambda reference: reference,
)


class Line(BaseModel):
    """One line of a book."""

    amount: int
    memo: str = ""


@dataclass
class Page:
    """Something a tool may return."""

    number: int
    day: date


@tool(name="books.post")
def post(line: Line, copies: int = 1) -> str:
    """Post a line."""
    return f"{copies} x {line.amount} {line.memo}"


async def called(definition: ToolDefinition, args: dict[str, Any]) -> str:
    """Check and call."""
    return await call_tool(definition, check_arguments(definition, args), CONTEXT)


async def test_call_hands_over_typed_arguments_and_defaults() -> None:
    """The function gets what its signature promises, not raw JSON."""
    assert await called(post, {"line": {"amount": 3, "memo": "rent"}}) == "1 x 3 rent"


async def test_call_without_the_connection_it_needs_says_what_is_missing() -> None:
    """A worker whose `fleet.yaml` is another than the run began with fails by name."""

    @tool(connection="github")
    def star() -> str:
        """Star it."""
        return "done"

    with pytest.raises(StepError, match=r"'star' needs github in fleet\.yaml"):
        await called(star, {})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "books.post: line: Field required"),
        ({"line": {"amount": "many"}}, "line.amount: Input should be a valid integer"),
        ({"line": {"amount": 1}, "copy": 2}, "copy: Extra inputs are not permitted"),
        ({"line": 3, "copies": "x"}, "copies: Input should be a valid integer"),
    ],
)
def test_arguments_that_do_not_fit_are_named_for_the_model(
    args: dict[str, Any], words: str
) -> None:
    """Every problem is in the one message, with its place."""
    with pytest.raises(ArgumentsError) as caught:
        check_arguments(post, args)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("words", "words"),
        ({"sum": 3}, '{"sum": 3}'),
        (None, "null"),
        (Page(1, date(2026, 11, 22)), '{"number": 1, "day": "2026-11-22"}'),
        ([Line(amount=1)], '[{"amount": 1, "memo": ""}]'),
        ("ü", "ü"),
        (["ü"], '["ü"]'),
    ],
)
async def test_result_is_text_as_it_is_and_json_otherwise(value: Any, text: str) -> None:
    """Models, dataclasses and dates become JSON that a model can read."""

    @tool(name="give")
    def give() -> Any:
        """Give it."""
        return value

    assert await called(give, {}) == text


@pytest.mark.parametrize("value", [float("nan"), object()])
async def test_result_that_is_no_json_is_the_tools_failure(value: Any) -> None:
    """Nothing unreadable reaches the model as if it were a result."""

    @tool(name="give")
    def give() -> Any:
        """Give it."""
        return value

    with pytest.raises(ValueError, match=r"JSON compliant|Unable to serialize"):
        await called(give, {})


async def test_plain_function_runs_in_a_thread_and_async_on_the_loop() -> None:
    """A slow plain function must not stop the heartbeat; an async one need not move."""

    @tool(name="where")
    def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    @tool(name="here")
    async def here(context: ToolContext) -> str:
        """Name the thread, and the key."""
        await asyncio.sleep(0)
        return f"{threading.current_thread().name} {context.idempotency_key}"

    assert (await called(where, {})).startswith("tool")
    assert await called(here, {}) == f"{threading.current_thread().name} key-1"


def quit_by(ending: BaseException, kind: str) -> ToolDefinition:
    """A tool that raises `ending`, plainly or as a coroutine."""

    @tool(name="quit")
    def plain() -> str:
        """Quit."""
        raise ending

    @tool(name="quit")
    async def coroutine() -> str:
        """Quit."""
        raise ending

    return plain if kind == "plain" else coroutine


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (SystemExit(2), r"the tool tried to end the process: SystemExit\(2\)"),
        (KeyboardInterrupt(), "the tool tried to end the process: KeyboardInterrupt"),
        (StopIteration(), "raised StopIteration"),
    ],
)
async def test_tool_that_would_end_more_than_itself_only_fails(
    ending: BaseException, words: str, kind: str
) -> None:
    """`sys.exit()` does not end the worker, and a bare `next()` does not hang the call."""
    # As a task, the way a step runs its tool: there the loop itself would be left.
    call = asyncio.create_task(called(quit_by(ending, kind), {}))
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match=words):
            await call


async def test_tool_that_is_cancelled_is_cancelled() -> None:
    """Only what the tool itself raises is contained."""
    waiting = asyncio.Event()

    @tool(name="wait")
    async def wait() -> str:
        """Wait."""
        waiting.set()
        await asyncio.Event().wait()
        return "never"

    call = asyncio.create_task(called(wait, {}))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_tool_without_a_free_thread_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that ran into their timeout keep their threads; the log says so."""
    release = threading.Event()
    started = threading.Semaphore(0)

    @tool(name="hang")
    def hang() -> str:
        """Hang."""
        started.release()
        release.wait(30)
        return "late"

    hanging = [asyncio.create_task(called(hang, {})) for _ in range(THREADS)]
    for _ in range(THREADS):
        assert await asyncio.to_thread(started.acquire, timeout=10)
    assert caplog.text == ""
    last = asyncio.create_task(called(post, {"line": {"amount": 1}}))
    await asyncio.sleep(0)
    release.set()
    assert await last == "1 x 1 "
    await asyncio.gather(*hanging)
    assert "books.post waits for a thread: all 100 are taken" in caplog.text


async def test_hanging_tools_do_not_stop_others_or_the_loops_own_threads() -> None:
    """As many as asyncio has threads may hang, and everybody else still works."""
    release = threading.Event()

    @tool(name="hang")
    def hang() -> str:
        """Hang."""
        release.wait(30)
        return "late"

    hanging = [asyncio.create_task(called(hang, {})) for _ in range(40)]
    async with asyncio.timeout(10):
        assert await called(post, {"line": {"amount": 1}}) == "1 x 1 "
        assert await asyncio.to_thread(lambda: "free") == "free"
    release.set()
    assert set(await asyncio.gather(*hanging)) == {"late"}
