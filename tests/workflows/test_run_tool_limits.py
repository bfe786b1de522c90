"""Limits of calls, within runs on the real server: one too many is not made, and told."""

import asyncio
from collections import Counter
from typing import Any

from activities.documents import get_transcript
from rota.conversation import ToolResult
from rota.runs import RunStatus
from rota.tools import ToolDefinition, tool
from tests.replay.scenarios import chain
from tests.stack import Stack, script

DONE = {"result": "done"}


def counting(made: Counter[int], name: str = "mail.send") -> ToolDefinition:
    """A tool that counts its calls by their argument."""

    @tool(name=name, effect="write")
    async def send(to: int) -> str:
        """Send to somebody."""
        made[to] += 1
        return f"sent to {to}"

    return send


def asks(*numbers: Any, name: str = "mail.send") -> dict[str, Any]:
    """A turn that calls the tool once for each, all at once."""
    return {"calls": [{"tool": name, "args": {"to": number}} for number in numbers]}


async def told(stack: Stack, head: str | None) -> list[tuple[str, bool]]:
    """The results that the model was told, in order: text, and whether it is an error."""
    return [
        (block.content, block.is_error)
        for node in await get_transcript(stack.store, head)
        for message in node.added
        for block in message.content
        if isinstance(block, ToolResult)
    ]


async def test_calls_over_a_limit_are_errors_in_the_record_and_never_made(stack: Stack) -> None:
    """Of parallel calls the first ones are made, in later turns none; bad arguments use up none."""
    made: Counter[int] = Counter()
    name = stack.name("sender")
    async with stack.worker([counting(made)]):
        await stack.declare(
            name,
            runtime=script(asks("?", 1), asks(2, 3, 4), asks(5), DONE),
            tools=["mail.send"],
            limits={"tools": {"mail.*": {"per_run": 3}}},
        )
        result = await stack.run(name, f"{name}-1")
    results = await told(stack, result.transcript)
    refusal = (
        "mail.send: not called: a run may make 3 calls of mail.* "
        "(limits.tools.mail.*.per_run), and has; go on without further ones"
    )
    assert result.status is RunStatus.SUCCEEDED
    assert made == Counter({1: 1, 2: 1, 3: 1})
    assert results[0][1]  # "?" is no number
    assert results[1:4] == [(f"sent to {n}", False) for n in (1, 2, 3)]
    assert results[4:] == [(refusal, True)] * 2


async def test_call_over_a_limit_starts_no_agent_and_asks_no_person(stack: Stack) -> None:
    """What is not made needs no approval; a run of another agent counts as a call."""
    made: Counter[int] = Counter()
    name, helper = stack.name("caller"), stack.name("helper")
    handoff = {"tool": f"agents.{helper}", "args": {}}
    turns = script({"calls": [handoff, handoff]}, asks(1), DONE)
    async with stack.worker([counting(made)]):
        await stack.declare(helper, runtime=script({"result": "helped"}))
        await stack.declare(
            name,
            runtime=turns,
            tools=[f"agents.{helper}", "mail.send"],
            limits={"tool_calls": 1},
            approvals={"mail.send": "always"},
        )
        async with asyncio.timeout(30):
            result = await stack.run(name, f"{name}-1")
        keeper = await stack.keeper(helper)
    results = await told(stack, result.transcript)
    assert [error for _, error in results] == [False, True, True]
    assert all("limits.tool_calls" in text for text, _ in results[1:])
    assert (len(keeper.ledger), made) == (1, Counter())


async def test_limit_of_calls_holds_across_continue_as_new(hasty: Stack) -> None:
    """What was called before counts on, whichever execution it was in."""
    made: Counter[int] = Counter()
    name = hasty.name("sender")
    async with hasty.worker([counting(made)]):
        await hasty.declare(
            name,
            runtime=script(*(asks(n) for n in range(12)), DONE),
            tools=["mail.send"],
            limits={"tools": {"mail.send": {"per_run": 9}}},
        )
        result = await hasty.run(name, f"{name}-1")
        executions = await chain(hasty.client, f"{name}-1")
    assert len(executions) > 1
    assert (result.status, result.tool_calls) == (RunStatus.SUCCEEDED, 12)
    assert made == Counter(dict.fromkeys(range(9), 1))
