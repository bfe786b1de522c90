"""A runtime's breaker on the real server: shared by workers, outliving them, visible."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

import workflows.run_kit.fallback
from activities import breaker_gate, breaker_reports
from activities.breakers import Breakers, read_breaker
from activities.runtimes.kinds import account_of
from rota.failures import FailureCategory, StepError
from rota.ids import breaker_id
from rota.runs import AgentRunResult, RunStatus
from rota.runtimes.breaker import Breaker, BreakerPolicy, Phase, Report
from tests.stack import Stack, open_stack
from tests.workflows.claude import ending_of, events_of, kinds_of
from tests.workflows.gates import poll
from tests.workflows.providers import Provider, asks, provide

DOWN = StepError(FailureCategory.OVERLOADED, "no capacity")
RETRY = {"attempts": 100, "backoff": "100ms", "max_backoff": "100ms"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is told and looked at anew at once, and whoever waits comes back together."""
    monkeypatch.setattr(breaker_gate, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(breaker_gate, "SHORT", timedelta(0))
    monkeypatch.setattr(breaker_reports, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(workflows.run_kit.fallback, "HOLD_SPREAD", timedelta(seconds=0.3))


async def breaker_of(stack: Stack) -> Breaker | None:
    """What the breaker of the stack's main runtime knows."""
    account = account_of("anthropic", asks(stack))
    return await read_breaker(stack.client, "anthropic", account)


async def in_phase(stack: Stack, phase: Phase) -> Breaker:
    """Wait until the breaker is in that phase."""

    async def ask() -> Breaker | None:
        breaker = await breaker_of(stack)
        return breaker if breaker is not None and breaker.phase is phase else None

    return await poll(ask)


async def seen_waiting(
    handles: list[WorkflowHandle[Any, Any]], words: str, count: int | None = None
) -> list[str]:
    """Wait until so many of the runs, or all, have waited with these words; return their texts."""
    said: dict[str, str] = {}

    async def ask() -> list[str] | None:
        for handle in handles:
            status = await handle.query("status")
            if status["status"] == "waiting" and words in status["waiting_for"][0]:
                said[handle.id] = status["waiting_for"][0]
        return list(said.values()) if len(said) >= (count or len(handles)) else None

    return await poll(ask, 30)


@asynccontextmanager
async def two_workers(stack: Stack) -> AsyncGenerator[None]:
    """Two workers of the same fleet, each with a connection and a gate of its own."""
    other = await open_stack(stack.address, stack.folder)
    async with stack.worker(), stack.worker(client=other.client):
        yield


async def start(stack: Stack, name: str, *runs: str) -> list[WorkflowHandle[Any, Any]]:
    """Start runs at once."""
    return list(await asyncio.gather(*(stack.start(name, f"{name}-{run}") for run in runs)))


async def test_breaker_opened_by_one_worker_is_honoured_by_another_and_outlives_both(
    stack: Stack,
) -> None:
    """No call at all while it is open, one to try, and then everybody is served."""
    main = Provider()
    main.down = DOWN
    provide(stack, main=main)
    stack.breaker_policy = BreakerPolicy(open_seconds=3, probe_pause_seconds=1)
    name = stack.name("agent")
    session = {"concurrency": "parallel"}
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack), retry=RETRY, session=session)
        first = await start(stack, name, "first")
        opened = await in_phase(stack, Phase.OPEN)
        (text,) = await seen_waiting(first, "is open until")
        calls = main.calls
        assert opened.until is not None
        assert text.startswith(
            f"runtime anthropic is open until {opened.until:%H:%M:%S}Z: {opened.reason}; "
            "the run's time goes on, until "
        )
    # All workers are gone; two others come.
    main.down = None
    main.answering.clear()
    async with two_workers(stack):
        later = await start(stack, name, *(str(number) for number in range(12)))
        await seen_waiting([*first, *later], "runtime anthropic", 12)
        assert main.calls == calls or datetime.now(UTC) >= opened.until, "called while open"
        main.answering.set()
        results: list[AgentRunResult] = await asyncio.gather(
            *(h.result() for h in (*first, *later))
        )
        closed = await in_phase(stack, Phase.CLOSED)
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert main.calls == calls + 13
    assert closed.opened == 0


async def test_breaker_half_open_makes_exactly_one_call(stack: Stack) -> None:
    """Its failure costs the waiting runs nothing but more patience."""
    main = Provider()
    main.down = DOWN
    provide(stack, main=main)
    stack.breaker_policy = BreakerPolicy(open_seconds=2, max_seconds=2, probe_pause_seconds=1)
    name = stack.name("agent")
    async with two_workers(stack):
        await stack.declare(
            name, runtime=asks(stack), retry=RETRY, session={"concurrency": "parallel"}
        )
        handles = await start(stack, name, "0")
        await seen_waiting(handles, "is open until")
        main.answering.clear()
        calls = main.calls
        handles += await start(stack, name, *(str(number) for number in range(1, 10)))
        # Nine have come by while the tenth waits for its answer.
        await seen_waiting(handles, "is tried by another run", 9)
        assert main.calls == calls + 1
        main.answering.set()

        async def opened_again() -> Breaker | None:
            breaker = await breaker_of(stack)
            return breaker if breaker is not None and breaker.opened == 2 else None

        breaker = await poll(opened_again)
        assert breaker.phase is Phase.OPEN
        assert main.calls == calls + 1
        assert breaker.reason == "its probe failed"
        main.down = None
        results = await asyncio.gather(*(handle.result() for handle in handles))
    assert main.calls == calls + 1 + 10
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}


async def test_run_whose_runtime_is_held_takes_its_fallback_at_once(stack: Stack) -> None:
    """An open breaker is not waited for where another runtime can answer."""
    main, spare = Provider(), Provider()
    main.down = DOWN
    provide(stack, main=main, spare=spare)
    name, other = stack.name("agent"), stack.name("other")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack), retry=RETRY)
        await stack.declare(other, runtime=asks(stack, fallback=[asks(stack, "spare")]))
        await stack.start(name, f"{name}-1")
        await in_phase(stack, Phase.OPEN)
        calls = main.calls
        result = await stack.run(other, f"{other}-1")
    assert (result.status, spare.calls, main.calls) == (RunStatus.SUCCEEDED, 1, calls)


async def test_run_that_waits_for_its_runtime_ends_at_its_wall_clock(stack: Stack) -> None:
    """The wait is run time: the deadline stays, and the end names what was waited for."""
    main = Provider()
    main.down = DOWN
    provide(stack, main=main)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack), retry=RETRY, budget={"wall_clock": "3s"})
        handle = await stack.start(name, f"{name}-1")
        ending = await ending_of(handle)
        events = await events_of(handle)
    assert ending.result.status is RunStatus.TIMED_OUT
    assert ending.message.startswith(
        "the run reached its wall-clock limit (budget.wall_clock); runtime anthropic is open until"
    )
    assert kinds_of(events).count("TIMER_STARTED") == 1


async def test_breaker_holds_all_runs_as_long_as_a_provider_asks(stack: Stack) -> None:
    """One run was told to come again later; another does not ask meanwhile."""
    pause = timedelta(seconds=3)
    main = Provider(StepError(FailureCategory.RATE_LIMITED, "slow down", retry_after=pause))
    provide(stack, main=main)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(
            name, runtime=asks(stack), retry=RETRY, session={"concurrency": "parallel"}
        )
        first = await stack.start(name, f"{name}-1")

        async def told() -> Breaker | None:
            breaker = await breaker_of(stack)
            return breaker if breaker is not None and breaker.held_until is not None else None

        held = await poll(told)
        (second,) = await start(stack, name, "2")
        (text,) = await seen_waiting([second], "runtime anthropic asks for a pause until ")
        assert "rate_limited: slow down" in text
        results = await asyncio.gather(first.result(), second.result())
    assert held.held_until is not None
    assert datetime.now(UTC) >= held.held_until
    assert main.calls == 3
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}


async def test_breaker_that_is_cancelled_lets_everybody_through(stack: Stack) -> None:
    """Cancelling it by hand is how a person says that the runtime is well."""
    main = Provider()
    main.down = DOWN
    provide(stack, main=main)
    stack.breaker_policy = BreakerPolicy(open_seconds=600)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(
            name, runtime=asks(stack), retry=RETRY, session={"concurrency": "parallel"}
        )
        first = await start(stack, name, "1")
        await seen_waiting(first, "is open until")
        main.down = None
        account = account_of("anthropic", asks(stack))
        named = breaker_id("anthropic", account)
        described = await stack.client.get_workflow_handle(named).describe()
        assert await described.static_summary() == "breaker of runtime anthropic"
        # This one: what is reported after its end starts the next.
        breaker = stack.client.get_workflow_handle(named, run_id=described.run_id)
        await breaker.cancel()

        async def ended() -> bool | None:
            status = (await breaker.describe()).status
            return status is WorkflowExecutionStatus.CANCELED or None

        await poll(ended)
        result = await stack.run(name, f"{name}-2")
        timers = [
            event.user_metadata.summary.data.decode()
            for event in await events_of(breaker)
            if event.HasField("timer_started_event_attributes")
        ]
    assert result.status is RunStatus.SUCCEEDED
    assert "runtime anthropic is open until " in timers[-1]


async def test_breaker_ends_by_itself_once_all_is_long_well(stack: Stack) -> None:
    """Nothing is left running for a runtime that works; the next failure starts it anew."""
    main = Provider(DOWN)
    provide(stack, main=main)
    stack.breaker_policy = BreakerPolicy(window_seconds=0.5, healthy_seconds=1)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack), retry=RETRY)
        result = await stack.run(name, f"{name}-1")
        assert result.status is RunStatus.SUCCEEDED
        account = account_of("anthropic", asks(stack))
        breaker = stack.client.get_workflow_handle(breaker_id("anthropic", account))

        async def ended() -> bool | None:
            status = (await breaker.describe()).status
            return status is WorkflowExecutionStatus.COMPLETED or None

        await poll(ended)
        assert await breaker_of(stack) is None
        main.plays.append(DOWN)
        await stack.run(name, f"{name}-2")
        await in_phase(stack, Phase.CLOSED)


async def test_breaker_continues_as_new_with_all_it_knows(stack: Stack) -> None:
    """However many workers report, its history stays short and nothing is forgotten."""
    account = stack.name("account")
    breakers = Breakers(
        stack.client, stack.task_queue, BreakerPolicy(min_calls=10**6, in_a_row=10**6)
    )
    async with stack.worker():
        for _ in range(60):
            failed = Report(failures=1, failing_last=1, reason="Overloaded")
            reports = (breakers.report("anthropic", account, failed) for _ in range(4))
            await asyncio.gather(*reports)
            await breakers.read("anthropic", account)
        handle = stack.client.get_workflow_handle(breaker_id("anthropic", account))
        described = await handle.describe()
        breaker = await breakers.read("anthropic", account)
    assert breaker is not None
    assert sum(tally.failures for tally in breaker.window) == breaker.in_a_row == 240
    assert described.history_length < 600
    first = described.raw_description.workflow_execution_info.first_run_id
    assert described.run_id != first
