"""What the doctor says of a fleet's runtimes: breakers that are open, queues nobody serves."""

from pathlib import Path

from activities.breakers import Breakers, read_breaker
from activities.runtimes.kinds import account_of
from rota.ids import breaker_id
from rota.runtimes.breaker import Breaker, Phase, Report
from rota.runtimes.queue import RuntimeQueue
from schedules.fleet import Fleet, load_fleet
from tests.stack import Stack
from tests.workflows.gates import poll
from workers.runtime_checks import check_breakers, check_runtime_queues

AGENT = """\
name: {name}
runtime:
  kind: anthropic
  model: m
  base_url: http://{name}.invalid
  queue: {name}-calls
  requests_per_second: 5
  fallback:
    - kind: anthropic
      model: n
      base_url: http://spare-{name}.invalid
      api_key: env:ROTA_NO_KEY
"""


def fleet_of(folder: Path, name: str) -> Fleet:
    """A fleet of one agent with a fallback."""
    (folder / "agents").mkdir()
    (folder / "agents" / "a.yaml").write_text(AGENT.format(name=name))
    return load_fleet(folder)


async def test_doctor_names_an_open_breaker_of_a_fallback_and_its_cure(stack: Stack) -> None:
    """Nothing is said while all is well; an open one is told with its reason."""
    name = stack.name("agent")
    fleet = fleet_of(stack.folder, name)
    runtime = fleet.agents[name].spec.runtime.chain[1]
    account = account_of(runtime.kind, runtime.settings)
    async with stack.worker():
        assert await check_breakers(stack.client, fleet) == []
        failed = Report(failures=5, failing_last=5, reason="Overloaded")
        await Breakers(stack.client, stack.task_queue).report("anthropic", account, failed)

        async def opened() -> Breaker | None:
            breaker = await read_breaker(stack.client, "anthropic", account)
            return breaker if breaker and breaker.phase is Phase.OPEN else None

        await poll(opened)
        (check,) = await check_breakers(stack.client, fleet)
    assert (check.name, check.ok) == ("runtime anthropic", False)
    assert "5 of 5 calls failed; last failure: Overloaded" in check.found
    assert f"spare-{name}" in check.found
    assert f"temporal workflow cancel -w '{breaker_id('anthropic', account)}'" in check.cure


async def test_doctor_names_a_queue_that_nobody_serves(stack: Stack) -> None:
    """Its calls would wait until their run's time is up."""
    name = stack.name("agent")
    fleet = fleet_of(stack.folder, name)
    (check,) = await check_runtime_queues(stack.client, fleet)
    assert (check.name, check.ok) == (f"queue {name}-calls", False)
    assert check.found == f"task queue {name}-calls, 5 calls a second is served by nobody"
    assert check.cure
    stack.runtime_queues = (RuntimeQueue(name=f"{name}-calls", requests_per_second=5),)
    async with stack.worker():

        async def polled() -> bool | None:
            (check,) = await check_runtime_queues(stack.client, fleet)
            return check.ok or None

        await poll(polled)
