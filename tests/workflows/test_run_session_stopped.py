"""Whatever ends a run while its session works also stops it: on the real server."""

import asyncio

import pytest

from rota.failures import FailureCategory
from rota.ids import keeper_id
from rota.runs import RunStatus
from rota.tools import tool
from tests.contract.double import install
from tests.contract.double_provider import (
    Calls,
    Ends,
    FakeProvider,
    Hangs,
    Says,
)
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.doubled import Doubles
from tests.workflows.gates import GATED, Gate
from tests.workflows.test_run_cancel import cancelled


@tool(name="sums.add", effect="read")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.fixture
def doubles(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """A provider of one's own."""
    return Doubles(stack, FakeProvider(), monkeypatch)


ENDS = {
    "silent": ({"runtime": {"inactivity": "1s"}}, RunStatus.FAILED, FailureCategory.TIMEOUT),
    "late": (
        {"budget": {"wall_clock": "2s"}},
        RunStatus.TIMED_OUT,
        FailureCategory.LIMIT_REACHED,
    ),
}


@pytest.mark.parametrize("confirms", [True, False])
@pytest.mark.parametrize(("declared", "status", "category"), ENDS.values(), ids=ENDS)
async def test_session_that_hangs_is_stopped_and_its_use_counted(
    doubles: Doubles,
    declared: dict,
    status: RunStatus,
    category: FailureCategory,
    confirms: bool,
) -> None:
    """By silence or by the run's end; what is not confirmed is remembered by the keeper."""
    doubles.provider.acts = [Says("begun"), Hangs()]
    doubles.provider.confirms = confirms
    async with doubles.worker(**declared) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
        keeper = await doubles.stack.keeper(name)
        (entry,) = keeper.ledger.values()
    assert (ending.result.status, ending.result.category) == (status, category)
    assert doubles.provider.stops == 1
    assert ending.result.usage.input_tokens == entry.usage.input_tokens == 200
    assert bool(ending.result.unstopped) is not confirms
    assert len(keeper.unstopped) == (0 if confirms else 1)


async def test_session_of_a_cancelled_run_is_stopped_before_the_run_closes(
    doubles: Doubles,
) -> None:
    """The provider was asked to stop, and what it did until then is in the ledger."""
    doubles.provider.acts = [Hangs()]
    doubles.provider.confirms = False
    async with doubles.worker() as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        await doubles.provider.looking.wait()
        await cancelled(handle)
        keeper = await doubles.stack.keeper(name)
        known = doubles.stack.client.get_workflow_handle(keeper_id(name))
        (unstopped,) = keeper.unstopped
        assert await known.execute_update("stopped", unstopped.run) is True
        assert await known.execute_update("stopped", unstopped.run) is False
        after = await doubles.stack.keeper(name)
    (entry,) = keeper.ledger.values()
    assert entry.status is RunStatus.CANCELLED
    assert entry.usage.input_tokens == 100
    assert doubles.provider.stops == 1
    assert (unstopped.runtime, unstopped.session) == ("double", "s1")
    assert unstopped.data == {"region": "here"}
    assert "no answer to the request to stop" in unstopped.text
    assert after.unstopped == ()


async def test_session_of_a_run_cancelled_while_it_starts_is_known_and_stopped(
    doubles: Doubles,
) -> None:
    """The start is seen to its end, so that there is something to stop."""
    doubles.provider.acts = [Hangs()]
    begun, go_on = asyncio.Event(), asyncio.Event()
    made = doubles.provider

    async with doubles.worker() as name:
        runtime = doubles.stack.runtimes.session("double")
        submit = runtime.submit

        async def slow(request):
            begun.set()
            await go_on.wait()
            return await submit(request)

        doubles.monkeypatch.setattr(runtime, "submit", slow)
        handle = await doubles.stack.start(name, f"{name}-1")
        await begun.wait()
        closing = asyncio.create_task(cancelled(handle))
        await asyncio.sleep(1.5)  # the cancellation reaches the activity with a heartbeat
        go_on.set()
        await closing
    assert (made.starts, made.stops) == (1, 1)
    (session,) = made.sessions.values()
    assert session.stopped


async def test_session_is_stopped_when_the_run_reaches_a_limit_between_its_stops(
    doubles: Doubles,
) -> None:
    """Calls beyond `max_turns` are not executed; the session does not wait for ever."""
    call = Calls((("sums.add", {"a": 1, "b": 2}),))
    doubles.provider.acts = [call] * 5
    async with doubles.worker(tools=[add], runtime={"max_turns": 2}) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert (ending.result.turns, ending.result.tool_calls) == (2, 1)
    assert doubles.provider.stops == 1
    assert ending.result.usage.input_tokens == 200


async def test_session_that_is_lost_is_not_started_anew(doubles: Doubles) -> None:
    """A session that the provider no longer knows has an unknown outcome."""
    doubles.provider.acts = [Calls((("sums.add", {"a": 1, "b": 2}),)), Ends("3")]

    @tool(name="sums.lose", effect="read")
    def lose() -> int:
        """Lose the session while it waits."""
        doubles.provider.sessions.clear()
        return 0

    doubles.provider.acts = [Calls((("sums.lose", {}),)), Ends("3")]
    async with doubles.worker(tools=[lose]) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert doubles.provider.starts == 1
    assert ending.result.usage.unknown_attempts == 1
    assert not ending.result.unstopped


async def test_session_found_only_to_be_stopped_is_known_by_its_name(doubles: Doubles) -> None:
    """Its start failed after the provider had begun: who asks again must know whom to ask for."""

    def fail() -> None:
        raise KeyError("id")

    doubles.provider.acts = [Hangs()]
    doubles.provider.after_start = [fail]
    doubles.provider.confirms = False
    async with doubles.worker() as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
        (unstopped,) = (await doubles.stack.keeper(name)).unstopped
    assert ending.result.category is FailureCategory.BUG
    assert ending.result.provider == "https://double.example/s1"
    assert (unstopped.session, unstopped.data) == ("s1", {"region": "here"})


async def test_session_stopped_while_a_called_agent_works_counts_what_its_run_had_reserved(
    doubles: Doubles,
) -> None:
    """Given back for the called agent to have, it may have been spent all the same."""
    stack, provider, gate = doubles.stack, doubles.provider, Gate()
    doubles.monkeypatch.setattr(provider, "usage", lambda session: None)
    caller, called = stack.name("caller"), stack.name("called")
    provider.acts = [Calls(((f"agents.{called}", {}),)), Ends("done")]
    stack.runtimes = install(doubles.monkeypatch, provider)
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        runtime = {"kind": "double", "poll": "20ms"}
        tools = [f"agents.{called}"]
        await stack.declare(caller, runtime=runtime, tools=tools, budget={"day_usd": 1})
        handle = await stack.start(caller, f"{caller}-1")
        await asyncio.wait_for(gate.reached.wait(), 20)
        await cancelled(handle)
        (entry,) = (await stack.keeper(caller)).ledger.values()
    assert entry.usage.unknown_attempts == 1
    assert entry.usage.unknown_micros == 100_000, "a tenth of the day's"
