"""From a soft limit on: the cheaper model answers, and the run goes on."""

from activities.documents import get_transcript
from rota.runs import RunStatus
from tests.stack import Stack
from tests.workflows.money import add
from tests.workflows.providers import Provider, asks, provide

PRICE = {"input_usd_per_mtok": 100, "output_usd_per_mtok": 100}
CHEAP = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}


async def test_run_near_its_limit_goes_on_with_the_cheaper_model(stack: Stack) -> None:
    """A turn costs 1100 micro-dollars, and the soft limit is 1000: the second one is cheap."""
    dear, cheap = Provider(("calc.add", {"a": 1, "b": 2})), Provider("done")
    provide(stack, main=dear, cheap=cheap)
    name = stack.name("agent")
    budget = {
        "run_usd": 0.1,
        "soft": {"at": 0.01, "model": "model-cheap", "price": CHEAP},
    }
    runtime = asks(stack, price=PRICE, max_output_tokens=1)
    async with stack.worker([add]):
        await stack.declare(name, runtime=runtime, tools=["calc.add"], budget=budget)
        result = await stack.run(name, f"{name}-1")
        nodes = await get_transcript(stack.store, result.transcript)
    assert result.status is RunStatus.SUCCEEDED
    assert (dear.calls, cheap.calls) == (1, 1)
    assert [node.usage.cost_micros for node in nodes] == [1100, 11]
    assert nodes[-1].prices == "runtime.price 1/1/1/1"
