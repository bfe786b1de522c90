"""Runtimes that cannot answer, and those that take over: on the real server."""

from datetime import timedelta

from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack
from tests.workflows.claude import ending_of, events_of
from tests.workflows.providers import Provider, asks, provide

RETRY = {"attempts": 4, "backoff": "20ms"}


def overloaded(*, billed: bool = False) -> StepError:
    """What a provider says that has no capacity."""
    return StepError(FailureCategory.OVERLOADED, "no capacity", maybe_billed=billed)


async def test_run_whose_runtime_is_overloaded_goes_on_with_the_next_from_the_same_transcript(
    stack: Stack,
) -> None:
    """The fallback is told all that was said, and answers the rest of the run's turns."""

    @tool(name="books.count")
    def count() -> int:
        """Count."""
        return 7

    main = Provider(("books.count", {}), overloaded(), overloaded())
    spare = Provider(("books.count", {}), "all counted")
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker([count]):
        runtime = asks(stack, fallback=[asks(stack, "spare")])
        await stack.declare(name, runtime=runtime, tools=[count.name], retry=RETRY)
        handle = await stack.start(name, f"{name}-1")
        result = await handle.result()
        events = await events_of(handle)
    assert (result.status, result.output, result.turns) == (RunStatus.SUCCEEDED, "all counted", 3)
    assert (main.calls, spare.calls) == (3, 2)
    assert [message.role for message in spare.requests[0].messages] == ["user", "assistant", "user"]
    assert spare.requests[0].messages == main.requests[1].messages
    assert (result.runtime, result.fallback) == ("anthropic", 1)
    summaries = [event.user_metadata.summary.data.decode() for event in events]
    turns = [summary.strip('"') for summary in summaries if summary.startswith('"turn')]
    assert turns == [
        "turn 1 · model-main",
        "turn 2 · model-main",
        "turn 2 · anthropic model-spare (fallback 1)",
        "turn 3 · anthropic model-spare (fallback 1)",
    ]


async def test_run_counts_what_every_runtime_may_have_billed(stack: Stack) -> None:
    """Unknown attempts of the runtime that was left are in the sum."""
    main = Provider(overloaded(billed=True), overloaded(billed=True))
    spare = Provider(overloaded(billed=True), "done")
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack, fallback=[asks(stack, "spare")]), retry=RETRY)
        result = await stack.run(name, f"{name}-1")
    assert (main.calls, spare.calls) == (2, 2)
    assert result.usage.unknown_attempts == 3
    assert result.usage.input_tokens == 10


async def test_run_leaves_a_runtime_after_as_many_attempts_as_declared(stack: Stack) -> None:
    """`fallback_after` counts attempts; with one, nobody is asked twice."""
    main, spare = Provider(overloaded()), Provider()
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker():
        runtime = asks(stack, fallback=[asks(stack, "spare")], fallback_after=1)
        await stack.declare(name, runtime=runtime, retry=RETRY)
        result = await stack.run(name, f"{name}-1")
    assert (main.calls, spare.calls, result.status) == (1, 1, RunStatus.SUCCEEDED)


async def test_run_whose_last_runtime_fails_insists_and_then_fails(stack: Stack) -> None:
    """Nobody follows the last one: it has all attempts, and its failure is the run's."""
    main, spare = Provider(), Provider()
    main.down = overloaded()
    spare.down = StepError(FailureCategory.TRANSIENT, "the line is bad")
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack, fallback=[asks(stack, "spare")]), retry=RETRY)
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert (main.calls, spare.calls) == (2, RETRY["attempts"])
    assert ending.result.category is FailureCategory.TRANSIENT
    assert ending.message == "the line is bad"


async def test_run_refused_by_its_runtime_asks_no_other(stack: Stack) -> None:
    """What another runtime would refuse as well is not bought there, too."""
    main, spare = Provider(StepError(FailureCategory.INVALID_REQUEST, "no such model")), Provider()
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack, fallback=[asks(stack, "spare")]), retry=RETRY)
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert (main.calls, spare.calls) == (1, 0)
    assert ending.result.category is FailureCategory.INVALID_REQUEST


async def test_run_rate_limited_waits_for_its_own_share(stack: Stack) -> None:
    """What waiting cures is waited for, however few attempts a fallback would be left for."""
    pause = timedelta(milliseconds=50)
    limited = [
        StepError(FailureCategory.RATE_LIMITED, "slow down", retry_after=pause) for _ in range(3)
    ]
    main, spare = Provider(*limited), Provider()
    provide(stack, main=main, spare=spare)
    name = stack.name("agent")
    async with stack.worker():
        await stack.declare(name, runtime=asks(stack, fallback=[asks(stack, "spare")]), retry=RETRY)
        result = await stack.run(name, f"{name}-1")
    assert (main.calls, spare.calls, result.status) == (4, 0, RunStatus.SUCCEEDED)


async def test_run_without_a_fallbacks_credential_is_blocked_before_it_costs_anything(
    stack: Stack,
) -> None:
    """One that cannot work is told now, not in the night in which it is needed."""
    main = Provider()
    provide(stack, main=main)
    name = stack.name("agent")
    async with stack.worker():
        spare = asks(stack, "spare", api_key="env:ROTA_TEST_NO_SUCH_KEY")
        await stack.declare(name, runtime=asks(stack, fallback=[spare]))
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.status is RunStatus.BLOCKED
    assert ending.message.startswith("runtime.fallback[0] (anthropic): ")
    assert "ROTA_TEST_NO_SUCH_KEY" in ending.message
    assert main.calls == 0
