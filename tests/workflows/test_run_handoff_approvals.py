"""Calls of other agents that a person decides on first."""

from tests.approving import calling, decide, open_approvals, told
from tests.stack import Stack, script


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
