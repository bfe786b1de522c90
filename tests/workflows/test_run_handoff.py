"""One agent calls another: results and failures come back as they are, on the real server."""

import asyncio
from datetime import UTC, datetime

from rota.runs import RunStatus, Trigger
from rota.tools import ToolContext, tool
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack, script
from tests.workflows.claude import claude
from tests.workflows.gates import GATED, Gate
from tests.workflows.handing import (
    ANY_OBJECT,
    asks,
    attribute,
    called_run,
    declare_caller,
    told_by,
)

SLOT = "2026-11-22T06:00:00Z"


async def test_handoff_gives_the_caller_the_typed_result(stack: Stack) -> None:
    """What the called agent answers is the tool's result, with its JSON types."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        runtime = script({"result": {"doubled": ["{input.x}", "{input.x}"], "by": "{input.who}"}})
        await stack.declare(called, runtime=runtime, input={"who": "me"}, output=ANY_OBJECT)
        await declare_caller(stack, caller, called, call=asks(called, x=3), output=ANY_OBJECT)
        result = await stack.run(caller, f"{caller}-1")
    assert (result.status, result.turns, result.tool_calls) == (RunStatus.SUCCEEDED, 2, 1)
    assert result.output == {"doubled": [3, 3], "by": "me"}


async def test_handoff_gives_the_caller_a_result_too_large_to_travel(stack: Stack) -> None:
    """A result that is named by digest alone arrives whole."""
    caller, called = stack.name("caller"), stack.name("called")
    text = "ledger entry\n" * 1000
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": text}))
        turns = ({"calls": [asks(called)]}, {"result": {"told": told_by(called)}})
        await stack.declare(
            caller, runtime=script(*turns), tools=[f"agents.{called}"], output=ANY_OBJECT
        )
        result = await stack.run(caller, f"{caller}-1")
        child = await called_run(stack, f"{caller}-1", called).result()
        stored = await stack.store.get(result.output_digest or "")
    assert child.output is None
    assert stored.decode().count("ledger entry") == 1000


async def test_handoff_shows_where_the_run_belongs(stack: Stack) -> None:
    """Lineage, trigger, slot and root are in the result and where people search."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1", slot=SLOT)
        handle = called_run(stack, f"{caller}-1", called)
        child = await handle.result()
        roots = [
            await attribute(run, "RotaRoot")
            for run in (handle, stack.client.get_workflow_handle(f"{caller}-1"))
        ]
        trigger = await attribute(handle, "RotaTrigger")
        summary = await (await handle.describe()).static_summary()
        entry = (await stack.keeper(called)).ledger.values()
    assert result.lineage is None
    assert child.lineage is not None
    place = child.lineage
    assert (place.root, place.parent, place.depth) == (f"{caller}-1", f"{caller}-1", 1)
    assert place.agents == (caller,)
    assert place.deadline is not None
    assert roots == [f"{caller}-1", f"{caller}-1"]
    assert (trigger, child.trigger) == ("handoff", Trigger.HANDOFF)
    assert child.slot == datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert summary == f"called by {caller}"
    assert [item.trigger for item in entry] == [Trigger.HANDOFF]


async def test_handoff_of_a_slot_run_again_repeats_no_effect(stack: Stack) -> None:
    """The called agent's receipts answer its calls when the caller's slot is run again."""
    keys: list[str] = []

    @tool(name="books.post", effect="idempotent")
    def post(context: ToolContext) -> str:
        """Post."""
        keys.append(context.idempotency_key)
        return "posted"

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([post]):
        runtime = script({"calls": [{"tool": "books.post"}]}, {"result": "done"})
        await stack.declare(called, runtime=runtime, tools=["books.post"])
        await declare_caller(stack, caller, called)
        for number, slot in enumerate([SLOT, SLOT, "2026-11-22T07:00:00Z"]):
            await stack.run(caller, f"{caller}-{number}", slot=slot)
    assert len(keys) == len(set(keys)) == 2


async def test_handoffs_of_one_turn_work_at_once(stack: Stack) -> None:
    """Each waits for the other: one after the other they would wait for ever."""
    gates = [asyncio.Event(), asyncio.Event()]

    @tool(name="meet.other")
    async def meet(mine: int) -> str:
        """Meet the other run."""
        gates[mine].set()
        await gates[1 - mine].wait()
        return "met"

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([meet]):
        turns = (
            {"calls": [{"tool": "meet.other", "args": {"mine": "{input.mine}"}}]},
            {"result": "{input.mine}"},
        )
        await stack.declare(
            called,
            runtime=script(*turns),
            tools=["meet.other"],
            session={"concurrency": "parallel"},
        )
        await stack.declare(
            caller,
            runtime=script(
                {"calls": [asks(called, mine=0), asks(called, mine=1)]}, {"result": "both"}
            ),
            tools=[f"agents.{called}"],
        )
        async with asyncio.timeout(20):
            result = await stack.run(caller, f"{caller}-1")
        outputs = [
            (await called_run(stack, f"{caller}-1", called, index=index).result()).output
            for index in (0, 1)
        ]
    assert (result.output, result.tool_calls) == ("both", 2)
    assert outputs == ["0", "1"]


async def test_handoff_that_fails_is_an_error_with_its_category(stack: Stack) -> None:
    """The caller's model reads how the called run failed, and may go on without it."""
    caller, called = stack.name("caller"), stack.name("called")
    needy = {"schema": {"type": "object", "required": ["total"]}}
    async with stack.worker():
        bad = {"result": {"sum": 1}}
        await stack.declare(called, runtime=script(bad, bad), output=needy)
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == (
        f"agents.{called} failed (outcome_invalid): the result does not fit the output "
        "schema: the result: 'total' is a required property"
    )


async def test_handoff_that_is_blocked_is_an_error_with_its_category(stack: Stack) -> None:
    """What a person has to mend is told to the model as what it is."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        runtime = {"kind": "anthropic", "model": "claude-haiku-4-5", "api_key": "env:NOT_SET_HERE"}
        await stack.declare(called, runtime=runtime)
        await declare_caller(stack, caller, called)
        result = await stack.run(caller, f"{caller}-1")
    assert result.output.startswith(f"agents.{called} is blocked (auth): ")
    assert "NOT_SET_HERE" in result.output


async def test_handoff_that_is_skipped_is_an_error_with_its_reason(stack: Stack) -> None:
    """No result is no success: the model learns why there is none."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED, session={"concurrency": "skip"})
        await declare_caller(stack, caller, called)
        holder = await stack.start(called, f"{called}-1")
        await gate.reached.wait()
        result = await stack.run(caller, f"{caller}-1")
        gate.opened.set()
        await holder.result()
    assert result.output == (
        f"agents.{called} was skipped: session 'default' is held by {called}-1"
    )


async def test_handoff_whose_work_is_done_already_gives_that_result(stack: Stack) -> None:
    """A run skipped because its key is finished hands the result on."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        runtime = script({"result": {"reviewed": "{input.sha}", "by": "{run.id}"}})
        await stack.declare(called, runtime=runtime, dedupe="{input.sha}", output=ANY_OBJECT)
        await declare_caller(stack, caller, called, call=asks(called, sha="c0ffee"))
        first = await stack.run(called, f"{called}-1", input={"sha": "c0ffee"})
        result = await stack.run(caller, f"{caller}-1")
        child = await called_run(stack, f"{caller}-1", called).result()
    assert (first.status, child.status) == (RunStatus.SUCCEEDED, RunStatus.SKIPPED)
    assert child.output == first.output
    assert f"{called}-1" in result.output


async def test_handoff_is_shown_to_the_model_as_a_tool(stack: Stack) -> None:
    """A provider's model sees the agent's description and schema under a name it allows."""
    caller, called = stack.name("caller"), stack.name("called")
    wire = f"agents__{called}"
    parameters = {"type": "object", "properties": {"x": {"type": "integer"}}}
    async with AnthropicFake() as fake, stack.worker():
        fake.call_tool(wire, {"x": 3})
        fake.say("Thanks.")
        await stack.declare(called, runtime=script({"result": "{input.x} it is"}))
        await stack.declare(
            caller,
            runtime=claude(stack, fake),
            tools=[f"agents.{called}"],
            handoffs={called: {"description": "Counts.", "parameters": parameters}},
        )
        result = await stack.run(caller, f"{caller}-1")
        (shown,) = fake.requests[0].body["tools"]
    assert result.output == "Thanks."
    assert (shown["name"], shown["input_schema"]) == (wire, parameters)
    assert shown["description"].endswith("Counts.")
    assert "3 it is" in str(fake.requests[1].body["messages"])
