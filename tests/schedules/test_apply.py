"""`rota apply` on the real server: exactly the plan, repeatable, only one's own."""

from schedules.changes import Action, Step
from tests.fleets import DAILY, apply_of, declared, entry, fleet_of, plan_of
from tests.stack import Stack


async def test_apply_of_a_new_fleet_makes_the_next_plan_empty(stack: Stack) -> None:
    """What apply writes is what plan compares with: the second plan holds nothing."""
    timed = declared(stack.name("timed"), schedule=DAILY, team="finance", description="Daily.")
    free = declared(stack.name("free"))
    fleet = fleet_of(stack, timed, free)
    first = await plan_of(stack, fleet)
    assert [(a.action, a.steps) for a in first.agents] == [
        (Action.CREATE, (Step.DECLARE, Step.CREATE_SCHEDULE)),
        (Action.CREATE, (Step.DECLARE,)),
    ]
    async with stack.worker():
        report = await apply_of(stack, fleet)
    assert len(report.steps) == 3
    second = await plan_of(stack, fleet)
    assert [entry(second, a).fields for a in fleet.agents] == [(), ()]
    assert second.is_empty
