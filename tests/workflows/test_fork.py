"""Forks: a run that goes on from a turn of another; nothing happens twice, or unasked."""

from typing import Any

import pytest

from activities.documents import get_memory
from rota.conversation import ToolResult
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.what_if.replay import ReplayVerdict
from tests.approving import decide, open_approvals
from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.what_if_bench import (
    ANSWERS,
    READS,
    Office,
    clerk,
    past_run,
    tried,
)
from workers.cli.exit_codes import ExitCode
from workers.replaying.prompts import compare_prompts
from workers.replaying.replaying import HistoryReplayer
from workers.what_if.fork_begin import ForkError, lineage_of_fork

PAYS = {"calls": [{"tool": "office.pay", "args": {"to": "kim"}}]}


async def fork(stack: Stack, run_id: str, at: int, *turns: dict[str, Any], **more: Any) -> Any:
    """Start a fork that plays these turns; its handle."""
    past = await past_run(stack, run_id)
    spec = tried(*turns).of(past.spec) if turns else past.spec
    lineage, begin = await lineage_of_fork(
        stack.store, past, at, spec, more.pop("input", {}), more.pop("say", "")
    )
    name = past.view.result.agent
    return await stack.start(
        name,
        f"{run_id}-fork-{at}",
        input=begin.input,
        trigger=Trigger.MANUAL.value,
        lineage=lineage.model_dump(mode="json"),
        **more,
    )


async def told(stack: Stack, result: AgentRunResult) -> list[str]:
    """What the model of a fork was told of its calls, in its own turns."""
    past = await past_run(stack, result.run_id)
    blocks = [b for node in past.nodes for m in node.added for b in m.content]
    return [block.content for block in blocks if isinstance(block, ToolResult)]


async def test_fork_repeats_no_effect_and_asks_for_what_is_left(stack: Stack) -> None:
    """From the turn before it posted: the receipt answers, memory waits for a person's word."""
    office = Office()
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk(dedupe="{input.account}", emits=["books.done"]))
        first = await stack.run(name, f"{name}-1", input={"account": "a"})
        handle = await fork(stack, f"{name}-1", 1)
        (pending,) = await open_approvals(handle)
        assert pending["request"]["tool"] == "memory.update"
        await decide(handle, pending)
        result = await handle.result()
        keeper = await stack.keeper(name)
    replayed, recorded = await HistoryReplayer(stack.store).replay(await handle.fetch_history())
    prompts = await compare_prompts(stack.store, recorded, {})
    assert (replayed.verdict, prompts.drift) == (ReplayVerdict.SAME, [])
    assert (office.reads, office.posts) == (["a"], ["is 100"])
    assert (result.status, result.turns, result.output) == (RunStatus.SUCCEEDED, 2, first.output)
    assert result.lineage is not None
    assert result.lineage.fork is not None
    assert (result.lineage.fork.run_id, result.lineage.fork.turn) == (f"{name}-1", 1)
    assert (result.events, len(first.events)) == ((), 1)
    entry = next(each for each in keeper.ledger.values() if each.run and each.run.id == handle.id)
    assert (entry.fork, entry.dedupe_key) == (True, "")
    assert entry.cause == f"fork of {name}-1 at turn 1"
    told_first, told_fork = await told(stack, first), await told(stack, result)
    assert told_fork == told_first


async def test_fork_that_waits_for_a_person_keeps_no_other_run_waiting(stack: Stack) -> None:
    """Another run of its session begins, remembers and ends meanwhile; both memories are kept."""
    office = Office()
    remembers = {"calls": [{"tool": "memory.update", "args": {"patch": {"fork": True}}}]}
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk(limits={"parallel": 1}))
        await stack.run(name, f"{name}-1", input={"account": "a"})
        handle = await fork(stack, f"{name}-1", 1, READS, remembers, ANSWERS)
        (pending,) = await open_approvals(handle)
        meanwhile = await stack.run(name, f"{name}-2", input={"account": "a"})
        await decide(handle, pending)
        result = await handle.result()
        keeper = await stack.keeper(name)
        memory = await get_memory(stack.store, keeper.sessions["default"].memory)
    assert (meanwhile.status, result.status) == (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
    assert memory is not None
    assert memory.document == {"last": 200, "fork": True}


@pytest.mark.parametrize(("verdict", "paid"), [("deny", 0), ("approve", 1)])
async def test_fork_that_does_something_new_asks_first(
    stack: Stack, verdict: str, paid: int
) -> None:
    """No rule is declared for the tool: in a fork a person decides all the same."""
    office = Office()
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk())
        await stack.run(name, f"{name}-1", input={"account": "a"})
        handle = await fork(stack, f"{name}-1", 1, READS, PAYS, ANSWERS)
        (pending,) = await open_approvals(handle)
        assert (pending["request"]["tool"], office.posts) == ("office.pay", ["is 100"])
        await decide(handle, pending, verdict)
        await handle.result()
    assert office.posts == ["is 100", *["paid kim"] * paid]


async def test_fork_from_the_beginning_reads_freely_and_becomes_no_baseline(stack: Stack) -> None:
    """With another input; a fork of a fork counts the calls of both as made."""
    office = Office()
    session = {"session": {"baseline": "auto"}}
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk(READS, ANSWERS, **session))
        await stack.run(name, f"{name}-1", input={"account": "a"})
        before = await stack.keeper(name)
        script = (READS, PAYS, PAYS, ANSWERS)
        begun = await fork(stack, f"{name}-1", 0, READS, PAYS, ANSWERS, input={"account": "b"})
        await decide(begun, (await open_approvals(begun))[0])
        await begun.result()
        again = await fork(stack, begun.id, 2, *script, say="Once more.")
        (pending,) = await open_approvals(again)
        await decide(again, pending)
        result = await again.result()
        third = await (await fork(stack, again.id, 1, *script)).result()
        after = await stack.keeper(name)
    assert (office.reads, office.posts) == (["a", "b"], ["paid kim", "paid kim"])
    assert third.lineage.root == result.lineage.root == f"{name}-1"
    assert (third.turns, third.output["balance"]) == (1, 200)
    baselines = [state.sessions["default"].baseline for state in (before, after)]
    assert baselines[0] == baselines[1]


async def test_fork_command_starts_a_run_of_its_own_and_says_where_it_cannot(
    stack: Stack,
) -> None:
    """Numbered after the run; a turn that is not there, and a last word without an answer to it."""
    office = Office()
    options = (
        *("--fleet", str(stack.folder), "--address", stack.address),
        *("--store", stack.store.address, "--task-queue", stack.task_queue),
    )

    async def command(*arguments: str) -> Ended:
        return await rota("fork", f"{name}-1", *arguments, *options)

    async with stack.worker(office.tools):
        name = stack.name("clerk")
        lock = stack.name("books")
        await stack.declare(name, **clerk(READS, ANSWERS, locks=[lock]))
        await stack.run(name, f"{name}-1", input={"account": "a"})
        done = await command("--at", "1", "--json")
        second = await command("--at", "0", "--no-wait")
        beyond = await command("--at", "3")
        last = await command("--at", "2")
        shown = await rota("show", f"{name}-1-fork-1", *options)
    assert (done.code, done.json["run_id"]) == (ExitCode.OK, f"{name}-1-fork-1"), done.err
    assert done.json["turns"] == 1
    assert f"it keeps locks until it ends, also while it waits for people: {lock}" in done.err
    assert second.out.strip() == f"{name}-1-fork-2"
    assert (beyond.code, "took 2 turns" in beyond.err) == (ExitCode.WRONG, True)
    assert (last.code, "--say" in last.err) == (ExitCode.WRONG, True)
    assert f"fork of {name}-1 at turn 1" in shown.out


async def test_fork_of_a_turn_that_was_never_answered_is_refused(stack: Stack) -> None:
    """The run failed before its calls came back: nobody knows what they came to."""
    office = Office()
    async with stack.worker(office.tools):
        name = stack.name("clerk")
        await stack.declare(name, **clerk(READS))
        handle = await stack.start(name, f"{name}-1", input={"account": "a"})
        with pytest.raises(Exception, match="failed"):
            await handle.result()
        past = await past_run(stack, f"{name}-1")
        with pytest.raises(ForkError, match="never answered"):
            await lineage_of_fork(stack.store, past, 1, past.spec, {}, "")
