"""What the next run of a slot does about the effects of the one before, on the real server."""

import pytest

from activities.effect_records import EffectRecords
from rota.effects.records import EffectStage
from rota.runs import RunStatus
from rota.tools import Reconciled, ToolContext, ToolError, tool
from tests.saying import say
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.posting import POSTING, SLOT, Service, parked, resolve


@pytest.mark.parametrize(("happened", "calls"), [(True, 1), (False, 2)])
async def test_next_run_of_the_slot_goes_by_what_was_said_in_between(
    stack: Stack, happened: bool, calls: int
) -> None:
    """A person who looks after the run's end decides what the re-run does."""
    service, name = Service(loses=1, books=happened), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING, effects={"on_unknown": "fail"})
        await ending_of(await stack.start(name, f"{name}-1", slot=SLOT))
        await say(stack, name, happened=happened, receipt=17 if happened else None)
        result = await stack.run(name, f"{name}-2", slot=SLOT)
    assert result.status is RunStatus.SUCCEEDED
    assert (service.calls, len(service.booked)) == (calls, 1)


async def test_next_run_of_the_slot_asks_what_the_first_left_open(stack: Stack) -> None:
    """Unresolved stays unresolved: the re-run makes no call, and asks as well."""
    service, name = Service(loses=1), stack.name("poster")
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING, budget={"park_for": "1s"})
        await ending_of(await stack.start(name, f"{name}-1", slot=SLOT))
        await stack.declare(name, **POSTING)
        again = await stack.start(name, f"{name}-2", slot=SLOT)
        effect = await parked(again)
        await resolve(again, effect, happened=True)
        result = await again.result()
    assert (result.status, service.calls) == (RunStatus.SUCCEEDED, 1)


async def test_refusal_of_a_later_run_leaves_on_record_what_happened(stack: Stack) -> None:
    """A tool that is called again for the slot refuses; that does not undo the first call."""
    calls: list[str] = []

    @tool(name="books.post", effect="idempotent", refresh=True)
    def post(context: ToolContext) -> str:
        """Post once, then refuse."""
        calls.append(context.idempotency_key)
        if len(calls) > 1:
            raise ToolError("the period is closed")
        return "posted"

    name = stack.name("poster")
    async with stack.worker([post]):
        await stack.declare(name, **POSTING)
        first = await stack.run(name, f"{name}-1", slot=SLOT)
        second = await stack.run(name, f"{name}-2", slot=SLOT)
        record = await EffectRecords(stack.store).newest(calls[0])
    assert (first.output, second.output) == ("posted", "the period is closed")
    assert record is not None
    assert record.stage is EffectStage.HAPPENED
    assert record.receipt is not None
    assert await stack.store.get(record.receipt) == b"posted"


async def test_effect_that_a_later_runs_tool_finds_is_off_the_keepers_list(stack: Stack) -> None:
    """The first run has asked in vain; nobody is asked about what is known now."""
    service, name = Service(loses=1), stack.name("poster")
    looks = [Reconciled(True, "booked as 1"), Reconciled(None)]

    def look(context: ToolContext) -> Reconciled:
        return looks.pop()

    async with stack.worker([service.tool(look)]):
        await stack.declare(name, **POSTING, effects={"on_unknown": "fail"})
        await ending_of(await stack.start(name, f"{name}-1", slot=SLOT))
        listed = (await stack.keeper(name)).open_effects
        result = await stack.run(name, f"{name}-2", slot=SLOT)
        left = (await stack.keeper(name)).open_effects
    assert (len(listed), left, looks) == (1, (), [])
    assert (result.output, service.calls) == ("booked as 1", 1)
