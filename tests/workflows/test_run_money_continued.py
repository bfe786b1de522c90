"""Money across continue-as-new, on a server that suggests it early."""

from rota.runs import RunStatus
from tests.stack import Stack
from tests.workflows.money import add, day_of, give, parked, spending


async def test_run_keeps_what_it_was_given_and_has_reserved(hasty: Stack) -> None:
    """A raise before, a limit after: nothing is forgotten, and nothing is counted twice."""
    costs = [1000] * 12 + [100]
    async with hasty.worker([add]):
        name = hasty.name("long")
        budget = {"run_usd": 0.0025, "day_usd": 0.02}
        await hasty.declare(name, **spending(*costs), budget=budget)
        run = await hasty.start(name, f"{name}-1")
        await parked(run)
        first = (await run.describe()).run_id
        await give(run, "1", micros=8000)
        late = await parked(run)
        second = (await run.describe()).run_id
        given = (await run.query("status"))["budget"]["raises"]
        await give(run, "2", micros=8000)
        result = await run.result()
        day = await day_of(hasty, name)
        account = (await hasty.keeper(name)).account
    assert first != second
    assert "of $0.0105 is left (budget.run_usd)" in late
    assert [each["id"] for each in given] == ["1"]
    assert (result.status, result.turns) == (RunStatus.SUCCEEDED, 13)
    assert result.usage.cost_micros == day.micros == sum(costs)
    assert not account.holds
