"""What keepers tell people by themselves, on the real server."""

from rota.notify_spec import Occasion
from tests.fakes.hook_receiver import HookReceiver
from tests.stack import Stack, script
from tests.workflows.notified import QUICK, Line, hook


async def test_soft_limit_of_a_day_is_told_once_however_many_runs_are_above_it(
    stack: Stack,
) -> None:
    """By the agent's keeper, with what was spent."""
    stack.notifier_policy = QUICK
    name = stack.name("report")
    spends = script({"result": "done", "usage": {"input_tokens": 45_000}})
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.BUDGET_SOFT, Occasion.SUCCEEDED)
        async with stack.worker():
            await stack.declare(
                name, runtime=spends, budget={"day_tokens": 100_000}, notify=[entry]
            )
            for number in range(3):
                await stack.run(name, f"{name}-{number}")
            await Line(stack, entry).told(4)
        facts = [fact for got in receiver.taken for fact in got.body["data"]["facts"]]
    (soft,) = [fact for fact in facts if fact["occasion"] == "budget_soft"]
    assert (soft["agent"], soft["run"]) == (name, "")
    assert soft["reason"].startswith("day_tokens: 90,000 tokens of 100,000 tokens spent; until ")
