"""`run`, `runs`, `show`, `watch`, `cancel` with pipelines, and runs that share a key."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunInput
from tests.pipelines import INSTANT, declare_pipeline, start_pipeline
from tests.stack import Stack, script
from tests.workers.cli.command_line import end_of, start
from tests.workers.cli.pipelines import Keyed, command, options, three_nodes
from tests.workflows.gates import GATED, Gate, poll
from workers.cli.agents import require_agent
from workers.cli.any_run import AnyView
from workers.cli.exit_codes import ExitCode
from workers.cli.keyed_start import keyed_run, start_keyed
from workers.cli.server import Link
from workers.cli.waiting import wait_for
from workers.settings import Settings


async def test_run_of_a_pipeline_prints_every_node(stack: Stack) -> None:
    """A pipeline is run by its name like an agent, and its result lists the nodes."""
    async with stack.worker([Keyed().tool]):
        name = await three_nodes(stack)
        ended = await command(stack, "run", name, "--json")
        table = await command(stack, "run", name, "--id", f"{name}-1", "--follow")
        wait = await command(stack, "run", name, "--no-wait", "--json")
        await command(stack, "watch", wait.json["run_id"])
    assert ended.code == ExitCode.OK, ended.err
    result = PipelineResult.model_validate(ended.json)
    assert result.run_id.startswith(f"{name}-manual-")
    assert list(result.nodes) == ["report", "mail", "archive"]
    assert result.nodes["archive"].output == "archive done"
    rows = [line.split()[:2] for line in table.out.splitlines()]
    assert ["report", "succeeded"] in rows
    assert table.out.startswith("succeeded · 3 succeeded, ")
    assert "archive: succeeded" in table.err
    assert wait.json["pipeline"] == name


async def test_run_of_a_failed_pipeline_ends_with_1_and_says_which_node(stack: Stack) -> None:
    """The reason names the node that failed, the table those that could not run."""
    async with stack.worker([Keyed(mail=1).tool]):
        name = await three_nodes(stack)
        ended = await command(stack, "run", name)
    assert ended.code == ExitCode.FAILED
    assert "reason: mail failed: " in ended.out
    assert "archive skipped" in " ".join(ended.out.split())


async def test_runs_lists_pipelines_with_their_nodes_count(stack: Stack) -> None:
    """Both kinds are listed; `--pipeline` and `--root` choose what belongs together."""
    async with stack.worker([Keyed().tool]):
        name = await three_nodes(stack)
        for number in (1, 2):
            await command(stack, "run", name, "--id", f"{name}-{number}")

        async def listed(*arguments: str) -> list[dict[str, Any]]:
            return (await command(stack, "runs", *arguments, "--json")).json

        async def settled() -> list[dict[str, Any]] | None:
            runs = await listed("--pipeline", name)
            return runs if [run["status"] for run in runs] == ["succeeded"] * 8 else None

        await poll(settled)
        own = await listed(name)
        below = await listed("--root", f"{name}-1")
        agents = await listed(stack.name("mail"))
        table = await command(stack, "runs", name)
        none = await command(stack, "runs", "--pipeline", f"{name}x")
        rootless = await command(stack, "runs", "--root", f"{name}-9")
        failed = await command(stack, "runs", name, "--status", "failed")
    assert [run["run_id"] for run in own] == [f"{name}-2", f"{name}-1"]
    assert len(own[0]["nodes"]) == 3
    ids = {f"{name}-1", *(f"{name}-1/{node}" for node in ("report", "mail", "archive"))}
    assert {run["run_id"] for run in below} == ids
    assert {run["run_id"] for run in agents} == {f"{name}-1/mail", f"{name}-2/mail"}
    assert "3 nodes" in table.out
    assert "$0.0000" in table.out
    assert (none.code, rootless.code) == (ExitCode.NOT_FOUND, ExitCode.NOT_FOUND)
    assert (failed.code, failed.err) == (ExitCode.OK, f"no runs of {name} failed\n")


async def test_report_of_a_pipeline_says_how_long_each_node_took(stack: Stack) -> None:
    """Also the command that ran it, not `rota show` alone."""
    async with stack.worker([Keyed().tool]):
        name = await three_nodes(stack)
        ended = await command(stack, "run", name, "--id", f"{name}-1")
    (line,) = (line.split() for line in ended.out.splitlines() if line.startswith("report "))
    assert line[1] == "succeeded"
    assert line[3].endswith("s"), ended.out


async def test_show_of_a_node_says_what_it_is_part_of(stack: Stack) -> None:
    """From a pipeline's run to its nodes, and back."""
    async with stack.worker([Keyed().tool]):
        name = await three_nodes(stack)
        await command(stack, "run", name, "--id", f"{name}-1")
        shown = await command(stack, "show", f"{name}-1")
        whole = await command(stack, "show", f"{name}-1", "--json")
        node = await command(stack, "show", f"{name}-1/mail")
    assert shown.out.startswith(f"{name}-1 · pipeline {name} · manual")
    assert f"{name}-1/mail" in shown.out
    assert whole.json["nodes"]["mail"]["output"] == "mail done"
    assert f"/workflows/{name}-1" in whole.json["link"]
    assert f"\nnode mail of {name}-1\n" in node.out


async def test_show_of_a_called_agent_names_its_caller(stack: Stack) -> None:
    """A run that another agent asked for says so."""
    caller, called = stack.name("caller"), stack.name("called")
    turns = script({"calls": [{"tool": f"agents.{called}"}]}, {"result": "done"})
    async with stack.worker():
        await stack.declare(called, **INSTANT)
        await stack.declare(caller, runtime=turns, tools=[f"agents.{called}"])
        await stack.run(caller, f"{caller}-1")

        async def below() -> list[dict[str, Any]] | None:
            return (await command(stack, "runs", called, "--json")).json or None

        shown = await command(stack, "show", (await poll(below))[0]["run_id"])
    assert f"\ncalled by {caller}-1\n" in shown.out


async def test_show_of_a_run_in_progress_says_what_it_waits_for(stack: Stack) -> None:
    """Neither an agent's run nor a pipeline's waits in silence."""
    gate = Gate()
    async with stack.worker([gate.tool]):
        agent, name = stack.name("gated"), stack.name("pipe")
        await stack.declare(agent, **GATED)
        nodes = {"first": {"agent": agent}, "second": {"agent": agent, "after": ["first"]}}
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        waiting = await stack.start(agent, f"{agent}-2")

        async def told() -> str | None:
            shown = await command(stack, "show", f"{agent}-2")
            seen = "waits for: " in shown.out and "queued" in shown.out
            return shown.out if seen else None

        queued = await poll(told)
        shown = await command(stack, "show", f"{name}-1")
        gate.opened.set()
        await handle.result()
        await waiting.result()
    assert f"{name}-1/first" in queued
    assert ["first", "running"] in [row.split()[:2] for row in shown.out.splitlines()]
    assert ["second", "waiting"] in [row.split()[:2] for row in shown.out.splitlines()]


async def test_watch_of_a_pipeline_prints_what_changes_in_its_nodes(stack: Stack) -> None:
    """A line for each change, then the result."""
    gate = Gate()
    async with stack.worker([gate.tool, Keyed().tool]):
        name = await three_nodes(stack)
        await stack.declare(stack.name("mail"), **GATED)
        await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        process = start("watch", "--agent", name, *options(stack))
        assert process.stdout is not None
        first = [await asyncio.to_thread(process.stdout.readline) for _ in range(2)]
        gate.opened.set()
        ended = await end_of(process)
    assert [line.split("  ")[1].strip() for line in first] == ["report: succeeded", "mail: running"]
    assert ended.code == ExitCode.OK, ended.err
    assert "archive: succeeded" in ended.out
    assert "succeeded · 3 succeeded, " in ended.out


async def test_cancel_of_a_pipeline_ends_its_nodes(stack: Stack) -> None:
    """What is at work ends with it, what has not begun is skipped."""
    gate = Gate()
    async with stack.worker([gate.tool, Keyed().tool]):
        name = await three_nodes(stack)
        await stack.declare(stack.name("mail"), **GATED)
        await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        ended = await command(stack, "cancel", f"{name}-1", "--json")
        again = await command(stack, "cancel", f"{name}-1")
        gate.opened.set()
    assert ended.code == ExitCode.OK, ended.err
    statuses = [node["status"] for node in ended.json["nodes"].values()]
    assert statuses == ["succeeded", "cancelled", "skipped"]
    assert (again.code, "ended already" in again.err) == (ExitCode.FAILED, True)


async def test_runs_and_show_of_a_pipeline_work_without_a_worker(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run at work that nobody serves is listed, and shown by what the server has of it."""
    gate = Gate()
    async with stack.worker([gate.tool, Keyed().tool]):
        name = await three_nodes(stack)
        await stack.declare(stack.name("report"), **GATED)
        await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        gate.opened.set()
    monkeypatch.setattr("workers.cli.pipeline_view.ANSWER", timedelta(seconds=1))
    shown = await command(stack, "show", f"{name}-1", "--json")
    listed = await command(stack, "runs", "--root", f"{name}-1", "--json")
    assert shown.code == ExitCode.OK, shown.err
    assert shown.json["nodes"] == {}
    assert f"{name}-1" in [run["run_id"] for run in listed.json]


REVIEW: dict[str, Any] = {
    **GATED,
    "dedupe": {"key": "{input.head}"},
    "session": {"key": "{input.head}"},
}


async def test_run_of_one_key_20_times_at_once_is_one_run(stack: Stack) -> None:
    """All who ask get the same result; who asks later gets it, too, and is told so."""
    gate, name = Gate(), stack.name("review")
    settings = Settings.read(stack.folder, task_queue=stack.task_queue)
    link = Link(stack.client, stack.store, settings)

    async def ask() -> AnyView:
        request = AgentRunInput(agent=name, input={"head": "abc"})
        declared = await require_agent(stack.client, name)
        keyed = await keyed_run(link, declared.digest, request)
        assert keyed is not None
        handle, _ = await start_keyed(link, keyed, request, "by hand")
        return await wait_for(link, handle, follow=False)

    async with stack.worker([gate.tool]):
        await stack.declare(name, **REVIEW)
        asking = asyncio.gather(*(ask() for _ in range(20)))
        await gate.reached.wait()
        gate.opened.set()
        first, *others = [answer.document["output"] for answer in await asking]
        later = await command(stack, "run", name, "--input", "head=abc", "--json")
        state = await stack.keeper(name)
        other = await command(stack, "run", name, "--input", "head=def", "--json")
    assert (first, set(others)) == ("done", {"done"})
    assert (later.code, later.json["output"]) == (ExitCode.OK, "done")
    assert later.err.startswith(f"already done: {later.json['run_id']} at ")
    assert len(state.ledger) == 1
    assert other.json["run_id"] != later.json["run_id"]


async def test_run_of_a_key_that_failed_runs_again(stack: Stack) -> None:
    """A failure answers nobody who comes later."""
    name, work = stack.name("flaky"), Keyed(it=1)
    turns = script(
        {"calls": [{"tool": "work.do", "args": {"name": "it"}}]},
        {"result": "{results.work_do.value}"},
    )
    async with stack.worker([work.tool]):
        await stack.declare(name, runtime=turns, tools=["work.do"], dedupe={"key": "one"})
        first = await command(stack, "run", name)
        second = await command(stack, "run", name, "--json")
    assert (first.code, second.code) == (ExitCode.FAILED, ExitCode.OK)
    assert second.json["output"] == "it done"


async def test_run_of_a_key_that_has_expired_runs_again(stack: Stack) -> None:
    """How long a result answers for its key is declared; the server may know it longer."""
    name = stack.name("brief")
    async with stack.worker():
        await stack.declare(name, **INSTANT, dedupe={"key": "one", "keep": "0s"})
        runs = [await command(stack, "run", name, "--json") for _ in range(2)]
        state = await stack.keeper(name)
    assert [run.code for run in runs] == [ExitCode.OK, ExitCode.OK]
    assert [entry.status.value for entry in state.ledger.values()] == ["succeeded", "succeeded"]


async def test_run_without_what_its_key_needs_ends_with_2(stack: Stack) -> None:
    """The key is filled before anything is started; `--id` runs apart from it."""
    name = stack.name("review")
    async with stack.worker([Gate().tool]):
        await stack.declare(name, **REVIEW)
        ended = await command(stack, "run", name)
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert "dedupe key '{input.head}'" in ended.err or "session key" in ended.err
