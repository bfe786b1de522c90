"""`rota rerun`: what is kept, what runs again, and under which keys."""

import pytest
from temporalio.client import WorkflowFailureError

from rota.ids import format_slot
from rota.pipelines.run import PipelineResult
from tests.pipelines import start_pipeline, worker_of
from tests.stack import Stack
from tests.workers.cli.command_line import end_of, start
from tests.workers.cli.pipelines import Keyed, command, line, options, three_nodes
from tests.workflows.gates import GATED, Gate
from workers.cli.exit_codes import ExitCode

SLOT = "2026-11-23T05:00:00Z"


@pytest.mark.parametrize("slot", [(), ("--slot", SLOT)])
async def test_rerun_from_failed_keeps_what_succeeded_and_the_keys(
    stack: Stack, slot: tuple[str, ...]
) -> None:
    """The mail fails: only it and what waits for it run again, with the first run's keys."""
    work = Keyed(mail=1)
    async with stack.worker([work.tool]):
        name = await three_nodes(stack)
        first = await command(stack, "run", name, "--id", f"{name}-1", *slot, "--json")
        assert first.code == ExitCode.FAILED
        again = await command(stack, "rerun", f"{name}-1", "--json")
        assert again.code == ExitCode.OK, again.err
        result = PipelineResult.model_validate(again.json)
        nothing = await command(stack, "rerun", result.run_id)
        assert (nothing.code, "nothing to run again" in nothing.err) == (ExitCode.OK, True)
    assert result.run_id == f"{name}-1-rerun-1"
    assert result.trigger == "rerun"
    assert (format_slot(result.slot) if result.slot else None) == (SLOT if slot else None)
    assert [node.kept for node in result.nodes.values()] == [True, False, False]
    assert result.nodes["report"].output == "report done"
    assert result.nodes["report"].run_id == f"{name}-1/report"
    assert {each: len(keys) for each, keys in work.keys.items()} == {
        "report": 1,
        "mail": 2,
        "archive": 1,
    }
    assert len(set(work.keys["mail"])) == 1


async def test_rerun_of_the_first_run_again_keeps_what_its_re_runs_have_done(stack: Stack) -> None:
    """Whoever repeats the same command repeats no work: the last re-run knows all that was done."""
    work = Keyed(mail=1, archive=1)
    async with stack.worker([work.tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1")
        codes = [(await command(stack, "rerun", f"{name}-1")).code for _ in range(2)]
        nothing = await command(stack, "rerun", f"{name}-1")
    assert codes == [ExitCode.FAILED, ExitCode.OK]
    assert (nothing.code, f"{name}-1-rerun-2 succeeded" in nothing.err) == (ExitCode.OK, True)
    assert {each: len(keys) for each, keys in work.keys.items()} == {
        "report": 1,
        "mail": 2,
        "archive": 2,
    }


async def test_rerun_from_a_node_runs_it_and_what_comes_after_it(stack: Stack) -> None:
    """What succeeded runs again if asked for, and each re-run has the next number."""
    work = Keyed()
    async with stack.worker([work.tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1")
        for number in (1, 2):
            again = await command(
                stack, "rerun", f"{name}-1", "--from", "mail", "--no-wait", "--json"
            )
            assert again.json["run_id"] == f"{name}-1-rerun-{number}"
            assert again.json["kept"] == ["report"]
            assert (await command(stack, "watch", again.json["run_id"])).code == ExitCode.OK
        of_rerun = await command(stack, "rerun", f"{name}-1-rerun-2", "--from", "archive", "--json")
    assert of_rerun.json["run_id"] == f"{name}-1-rerun-3"
    assert {each: len(keys) for each, keys in work.keys.items()} == {
        "report": 1,
        "mail": 3,
        "archive": 4,
    }
    assert all(len(set(keys)) == 1 for keys in work.keys.values())


async def test_rerun_from_an_unknown_node_ends_with_2_and_suggests_one(stack: Stack) -> None:
    """A typing mistake starts nothing."""
    async with stack.worker([Keyed().tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1")
        ended = await command(stack, "rerun", f"{name}-1", "--from", "mial")
        assert (ended.code, ended.out) == (ExitCode.WRONG, "")
        assert "did you mean 'mail'?" in ended.err
        assert (await command(stack, "show", f"{name}-1-rerun-1")).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize("end", ["cancel", "terminate"])
async def test_rerun_of_a_run_that_left_no_result_keeps_what_it_had_done(
    stack: Stack, end: str
) -> None:
    """Cancelled or terminated, it still answers what its nodes came to, outputs included."""
    gate, work = Gate(), Keyed()
    async with stack.worker([gate.tool, work.tool]):
        name = await three_nodes(stack)
        await stack.declare(stack.name("mail"), **GATED)
        handle = await start_pipeline(stack, name, f"{name}-1", slot=SLOT)
        await gate.reached.wait()
        open_still = await command(stack, "rerun", f"{name}-1")
        assert open_still.code == ExitCode.FAILED
        assert "still running" in open_still.err
        if end == "cancel":
            assert (await command(stack, "cancel", f"{name}-1")).code == ExitCode.OK
        else:
            await handle.terminate()
        await stack.declare(stack.name("mail"), **worker_of("mail"))
        again = await command(stack, "rerun", f"{name}-1", "--json")
        gate.opened.set()
    assert again.code == ExitCode.OK, again.err
    assert again.json["nodes"]["report"]["output"] == "report done"
    assert len(work.keys["report"]) == 1


async def test_rerun_of_an_agents_run_has_its_input_slot_and_keys(stack: Stack) -> None:
    """The run of a node, repeated by itself, stays part of its pipeline."""
    work = Keyed(report=1)
    async with stack.worker([work.tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1", "--slot", SLOT)
        node = f"{name}-1/report"
        again = await command(stack, "rerun", node, "--json")
        assert again.code == ExitCode.OK, again.err
        assert f"rota rerun {name}-1 --from report" in again.err
        wrong = await command(stack, "rerun", node, "--from", "mail")
        plain = stack.name("report")
        await command(stack, "run", plain, "--id", f"{plain}-1", "--input", "n=1", "--slot", SLOT)
        own = await command(stack, "rerun", f"{plain}-1", "--json")
        third = await command(stack, "rerun", f"{plain}-1", "--no-wait")
        await command(stack, "watch", third.out.strip())
    assert (again.json["run_id"], again.json["slot"]) == (f"{node}-rerun-1", SLOT)
    assert again.json["lineage"]["pipeline"] == name
    assert (wrong.code, "has no nodes" in wrong.err) == (ExitCode.WRONG, True)
    assert (own.json["trigger"], own.json["slot"]) == ("rerun", SLOT)
    assert third.out.strip() == f"{plain}-1-rerun-2"
    # Three of the plain agent's runs have its slot's key; two of the node's run have its own.
    assert sorted(map(work.keys["report"].count, set(work.keys["report"]))) == [2, 3]


async def test_rerun_while_an_earlier_one_works_is_refused(stack: Stack) -> None:
    """Ctrl-C leaves the re-run at work, and asking again does not start a second one."""
    gate, work = Gate(), Keyed(mail=1)
    async with stack.worker([gate.tool, work.tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1")
        await stack.declare(stack.name("mail"), **GATED)
        process = start("rerun", f"{name}-1", *options(stack))
        await line(process, f"started {name}-1-rerun-1, keeping report")
        await gate.reached.wait()
        again = await command(stack, "rerun", f"{name}-1")
        process.terminate()
        await end_of(process)
        gate.opened.set()
        watched = await command(stack, "watch", f"{name}-1-rerun-1")
    assert again.code == ExitCode.FAILED
    assert f"{name}-1-rerun-1 is at work already" in again.err
    assert watched.code == ExitCode.OK


async def test_rerun_of_a_refused_input_says_so(stack: Stack) -> None:
    """No worker is missing: there is nothing that could be repeated."""
    run_id = stack.name("refused")
    async with stack.worker([]):
        handle = await stack.client.start_workflow(
            "PipelineRun", {"pipelin": "x"}, id=run_id, task_queue=stack.task_queue
        )
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        again = await command(stack, "rerun", run_id)
    assert again.code == ExitCode.FAILED
    assert f"the input of {run_id} was refused" in again.err
