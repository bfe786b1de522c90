"""`rota backtest`: what it prints, writes and ends with."""

import asyncio
import json
import os
import signal
from pathlib import Path

from tests.stack import Stack
from tests.workers.cli.command_line import Ended, end_of, rota, start
from tests.workflows.what_if_bench import ANSWERS, READS, Office, clerk
from workers.cli.exit_codes import ExitCode
from workers.stopping import open_runs


def options(stack: Stack) -> tuple[str, ...]:
    """What every command needs to find this corner of the server."""
    return (
        *("--fleet", str(stack.folder), "--address", stack.address),
        *("--store", stack.store.address, "--task-queue", stack.task_queue),
    )


async def clerk_with_runs(stack: Stack, count: int = 2) -> str:
    """A clerk that has run."""
    name = stack.name("clerk")
    await stack.declare(name, **clerk())
    for number in range(count):
        await stack.run(name, f"{name}-{number}", input={"account": f"a{number}"})
    await listed(stack, f"RotaAgent = '{name}' AND RotaStatus = 'succeeded'", count)
    return name


async def listed(stack: Stack, query: str, count: int) -> None:
    """Wait until the server lists so many: its lists lag behind."""
    async with asyncio.timeout(20):
        while (await stack.client.count_workflows(query)).count < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_backtest_says_what_is_the_same_and_what_another_runtime_changes(
    stack: Stack, tmp_path: Path
) -> None:
    """Exit code 0 for the same; a threshold ends another with 1; the report holds both sides."""
    office, report, block = Office(), tmp_path / "report.html", tmp_path / "runtime.json"
    block.write_text(json.dumps(clerk(READS, ANSWERS)["runtime"]))
    more = (*("--max-changed", "0", "--max-cost-increase", "10%"), "-o", str(report))

    async def backtest(*arguments: str) -> Ended:
        return await rota("backtest", name, *arguments, *options(stack))

    async with stack.worker(office.tools):
        name = await clerk_with_runs(stack)
        same = await backtest("--json", *more)
        other = await backtest("--runtime", f"@{block}", "--last", "1", *more)
        again = await backtest("--attach", same.json["id"], "--json")
        nobody = await rota("backtest", "nobody", *options(stack))
        none = await backtest("--status", "failed")
        unpriced = await backtest("--runtime", "{kind: openai, model: m, base_url: 'http://x'}")
    assert (same.code, same.json["totals"]["verdicts"]["same"]) == (ExitCode.OK, 2), same.err
    assert same.json["totals"]["cost_increase"] == 0.0
    assert again.json["cases"] == same.json["cases"]
    assert other.code == ExitCode.FAILED
    assert "no longer asks for office.post" in other.out
    assert "would remember something else" in other.out
    assert "1 of 1 cases are not the same (--max-changed)" in other.err
    html = report.read_text()
    assert f"{name}-1" in html
    assert "no longer asks for" in html
    assert (nobody.code, none.code) == (ExitCode.NOT_FOUND, ExitCode.NOT_FOUND)
    assert (unpriced.code, "--tokens" in unpriced.err) == (ExitCode.WRONG, True), unpriced.err


async def test_backtest_that_is_interrupted_shows_what_there_is(stack: Stack) -> None:
    """Ctrl-C cancels it on the worker, tells what the cases came to, and ends with 130."""
    slow = json.dumps({**clerk({**ANSWERS, "seconds": 60})["runtime"]}).replace(
        "{results.office_read.balance}", "x"
    )
    async with stack.worker(Office().tools):
        name = await clerk_with_runs(stack)
        process = start("backtest", name, "--runtime", slow, "--json", *options(stack))
        here = f"TaskQueue = '{stack.task_queue}'"
        await listed(stack, f"WorkflowType = 'BacktestCase' AND {here}", 2)
        await listed(stack, f"WorkflowType = 'Backtest' AND {here}", 1)
        spending = [run.id for run in await open_runs(stack.client)]
        os.kill(process.pid, signal.SIGINT)
        ended = await end_of(process)
    assert ended.code == ExitCode.INTERRUPTED, ended.err
    assert ended.json["id"] in spending, "'rota stop' would not end it"
    assert ended.json["stopped"] == "cancelled by request"
    assert [case["after"]["status"] for case in ended.json["cases"]] == ["cancelled"] * 2
