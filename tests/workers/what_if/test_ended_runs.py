"""Past runs that the server has forgotten, from the archive: back-tested, forked, replayed."""

from datetime import timedelta

from activities.audit.archive_store import put_archive
from activities.audit.collect import collect_run
from rota.connections import Connections
from rota.run_ref import RunRef
from tests.stack import Stack
from tests.workers.cli.command_line import rota
from tests.workers.cli.test_backtest_command import clerk_with_runs, options
from tests.workflows.what_if_bench import Office
from workers.cli.exit_codes import ExitCode


async def forgotten(stack: Stack, run_id: str, forgotten_id: str) -> None:
    """Archive a run under a name that the server does not know: a minute quicker than deleting."""
    record = await collect_run(stack.client, stack.store, run_id, Connections())
    named = {
        "run": RunRef(id=forgotten_id, key=forgotten_id),
        "outcome": {**record.outcome, "run_id": forgotten_id},
        "started": record.started - timedelta(days=60),
    }
    await put_archive(stack.store, record.model_copy(update=named))


async def test_run_that_the_server_has_forgotten_is_taken_from_the_archive(stack: Stack) -> None:
    """Among the newest and by its name; nothing of it is lost but the listing."""
    async with stack.worker(Office().tools):
        name = await clerk_with_runs(stack)
        first = f"{name}-old"
        await forgotten(stack, f"{name}-0", first)
        last = await rota("backtest", name, "--last", "5", "--json", *options(stack))
        named = await rota("backtest", name, "--run", first, "--json", *options(stack))
        fork = await rota("fork", first, "--at", "1", "--no-wait", "--json", *options(stack))
        replay = await rota("replay", "--run", first, "--json", *options(stack)[:6])
    assert last.code == ExitCode.OK, last.err
    told = [(each["run_id"], each["verdict"]) for each in last.json["cases"]]
    assert told == [(f"{name}-1", "same"), (f"{name}-0", "same"), (first, "same")]
    assert [each["verdict"] for each in named.json["cases"]] == ["same"]
    assert (fork.code, fork.json["of"]) == (ExitCode.OK, first), fork.err
    assert (replay.code, replay.json["histories"], replay.json["same"]) == (0, 1, 1), replay.err


async def test_run_that_nobody_has_is_not_found(stack: Stack) -> None:
    """As of every other command."""
    fork = await rota("fork", "nobody-1", "--at", "0", "--no-wait", *options(stack))
    assert fork.code == ExitCode.NOT_FOUND
