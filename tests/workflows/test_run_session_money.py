"""Money of work that a provider does by itself: the cap it is given, and each of its stops."""

import pytest

from rota.runs import RunStatus
from rota.tools import tool
from tests.contract.double_provider import Calls, Ends, FakeProvider
from tests.fakes.managed_server import AGENT, ENVIRONMENT, KEY, ManagedFake
from tests.fakes.managed_turns import Turn
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.doubled import Doubles, activities_of
from tests.workflows.money import day_of, give, parked


@tool(name="sums.add", effect="read")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.fixture
def doubles(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """A provider whose sessions cost 700 micro-dollars a stop: a tool call, then the answer."""
    acts = [Calls((("sums.add", {"a": 1, "b": 2}),)), Ends("Three.")]
    return Doubles(stack, FakeProvider(acts=list(acts)), monkeypatch)


async def test_session_is_given_what_the_run_may_still_spend(doubles: Doubles) -> None:
    """The smaller one of the run's own limit and of what its agent's day has left."""
    budget = {"run_usd": 0.005, "day_usd": 0.004}
    async with doubles.worker(tools=[add], budget=budget) as name:
        await doubles.stack.run(name, f"{name}-1")
        await doubles.stack.run(name, f"{name}-2")
    assert [request.cap_micros for request in doubles.provider.requests] == [4000, 2600]


async def test_session_over_its_cap_parks_at_its_stop_and_goes_on_where_it_was(
    doubles: Doubles,
) -> None:
    """No tool runs until somebody gives more; then the same session is told its result."""
    async with doubles.worker(tools=[add], budget={"run_usd": 0.0006}) as name:
        run = await doubles.stack.start(name, f"{name}-1")
        text = await parked(run)
        before = await activities_of(run)
        await give(run, micros=1000)
        result = await run.result()
        day = await day_of(doubles.stack, name)
    assert "$0.0007 spent of $0.0006 (budget.run_usd)" in text
    assert before == ["submit_session", "observe_session"]
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Three.")
    assert (doubles.provider.starts, result.usage.cost_micros, day.micros) == (1, 1400, 1400)


async def test_session_over_its_cap_is_stopped_if_the_run_is_not_to_park(doubles: Doubles) -> None:
    """What fails leaves nothing at work, and counts what it has used."""
    budget = {"run_usd": 0.0006, "on_exceeded": "fail"}
    async with doubles.worker(tools=[add], budget=budget) as name:
        ending = await ending_of(await doubles.stack.start(name, f"{name}-1"))
        day = await day_of(doubles.stack, name)
    assert "(budget.run_usd)" in ending.message
    assert doubles.provider.stops == 1
    assert ending.result.usage.cost_micros == day.micros


async def test_session_stopped_by_its_provider_at_the_cap_parks_and_goes_on_there(
    stack: Stack,
) -> None:
    """The provider's own budget is raised by what the run was given; the session is the same."""
    key = stack.folder / "key"
    key.write_text(KEY)
    runtime = {"kind": "claude-managed", "agent": AGENT, "environment": ENVIRONMENT}
    with ManagedFake() as fake:
        fake.add(Turn(says=("Half.",), input=100, output=0), Turn(says=("Whole.",), output=0))
        block = {**runtime, "base_url": fake.url, "api_key": f"file:{key}", "poll": "20ms"}
        name = stack.name("managed")
        async with stack.worker():
            await stack.declare(name, runtime=block, budget={"run_usd": 0.01})
            run = await stack.start(name, f"{name}-1")
            text = await parked(run)
            await give(run, micros=5_000_000)
            result = await run.result()
            day = await day_of(stack, name)
        sessions = len(fake.sessions)
    assert "(budget.run_usd)" in text
    assert (result.status, result.output, sessions) == (RunStatus.SUCCEEDED, "Whole.", 1)
    assert result.usage.cost_micros == day.micros > 10_000
