"""Calls of other agents that a person decides on first."""

from rota.budgets.reservations import Amount
from rota.tools import tool
from tests.approving import calling, decide, open_approvals, told
from tests.stack import Stack, script
from tests.workflows.handing import asks
from tests.workflows.money import priced, turn


async def test_call_of_another_agent_waits_for_its_approval_too(stack: Stack) -> None:
    """Denied, nothing is started; edited, the child gets what was approved."""
    caller, called = stack.name("caller"), stack.name("called")
    tool_name = f"agents.{called}"
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "{input.topic}"}))
        await stack.declare(
            caller,
            runtime=calling(
                {"tool": tool_name, "args": {"topic": "secret"}},
                {"tool": tool_name, "args": {"topic": "weather"}},
                says="{results}",
            ),
            tools=[tool_name],
            approvals={"agents.*": {"when": "args.topic"}},
        )
        handle = await stack.start(caller, f"{caller}-1")
        first, second = await open_approvals(handle, 2)
        await decide(handle, first, "deny")
        await decide(handle, second, "edit", arguments={"topic": "rain"})
        result = await handle.result()
        denied, edited = await told(stack, result)
        state = await stack.keeper(called)
    assert (denied.is_error, edited.is_error) == (True, False)
    assert edited.content.endswith("\nrain")
    assert len(state.ledger) == 1
    assert edited.approval is not None
    assert edited.approval.verdict == "edit"


async def test_transfer_waits_for_its_approval_too(stack: Stack) -> None:
    """Asked beside the other calls of its turn; denied, the run goes on itself."""
    caller, called = stack.name("caller"), stack.name("called")
    tool_name = f"agents.{called}.transfer"
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "theirs"}))
        await stack.declare(
            caller,
            runtime=calling({"tool": tool_name}, says="mine"),
            tools=[tool_name],
            approvals={"agents.*": "always"},
        )
        handle = await stack.start(caller, f"{caller}-1")
        [pending] = await open_approvals(handle)
        await decide(handle, pending, "deny")
        result = await handle.result()
    assert result.output == "mine"


async def test_run_that_waits_for_people_keeps_its_reservation_until_they_allow_a_call(
    stack: Stack,
) -> None:
    """What was decided is then not held up for want of money; whom it calls can reserve it."""
    caller, called = stack.name("caller"), stack.name("called")
    tool_name, budget = f"agents.{called}", {"run_usd": 0.005, "day_usd": 1}
    seen: list[Amount] = []

    @tool(name="books.look")
    async def look() -> str:
        """Look what the caller holds while another works for it."""
        seen.append(await held())
        return "seen"

    async def held() -> Amount:
        [hold] = (await stack.keeper(caller)).account.holds.values()
        return hold.amount

    async with stack.worker([look]):
        looking = turn(10, calls=[{"tool": "books.look"}])
        runtime = priced(looking, turn(10, result="theirs"))
        await stack.declare(called, runtime=runtime, tools=["books.look"])
        await stack.declare(
            caller,
            runtime=priced(turn(100, calls=[asks(called)]), turn(100, result="mine")),
            tools=[tool_name],
            approvals={"agents.*": "always"},
            budget=budget,
        )
        handle = await stack.start(caller, f"{caller}-1")
        [pending] = await open_approvals(handle)
        waiting = await held()
        await decide(handle, pending, "approve")
        result = await handle.result()
    assert (waiting.micros, [each.micros for each in seen]) == (5000, [0])
    assert result.output == "mine"
