"""The Watchdog tells of archived runs that do not verify any more, by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.audit.archive_store import find_archive
from activities.audit.checkpointing import make_checkpoints
from activities.stores.local import LocalStore
from rota.audit.verified import VerifyProgress, verified_place
from rota.ids import keeper_id, keeper_queue
from rota.notices.spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.watchdog.looks import WatchOrder
from rota.watchdog.memory import WatchMemory
from tests.stack import Stack, script


async def check(stack: Stack, fleet: str) -> WatchMemory:
    """One check of the Watchdog, long enough after the one before."""
    value = await stack.store.get_ref(verified_place(fleet))
    if value is not None:
        progress = VerifyProgress.model_validate_json(value).model_copy(update={"checked": None})
        await stack.store.set_ref(verified_place(fleet), progress.model_dump_json().encode())
    return await stack.client.execute_workflow(
        "Watchdog",
        WatchOrder(fleet=fleet, task_queue=stack.task_queue),
        id=f"{fleet}-watchdog",
        task_queue=keeper_queue(stack.task_queue),
        result_type=WatchMemory,
    )


async def test_watchdog_tells_of_an_archived_run_that_is_not_as_it_was(stack: Stack) -> None:
    """Though the worker that put it away still has it in memory; and not once it is back."""
    agent, fleet = stack.name("teller"), stack.name("fleet")
    disk = LocalStore(Path(stack.store.address))
    async with stack.worker():
        spec = await stack.declare(agent, runtime=script({"result": 1}))
        keeper = stack.client.get_workflow_handle(keeper_id(agent))
        await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=fleet))
        await stack.run(agent, f"{agent}/1")
        memory = await check(stack, fleet)
        while (run := await find_archive(stack.store, f"{agent}/1")) is None:
            memory = await check(stack, fleet)
        assert memory.archive is not None
        assert memory.archive.verification is not None
        known = memory.archive.verification
        assert (known.runs, known.broken, known.problem) == (1, (), "")
        now = datetime.now(UTC)
        tomorrow = now + timedelta(days=1)
        assert await make_checkpoints(stack.store, None, tomorrow.date(), now, [agent]) == 1
        chain = await disk.get(run.chain)
        await disk.delete(run.chain, tomorrow)
        (alert,) = (await check(stack, fleet)).open
        assert (alert.kind, alert.run) == (Occasion.AUDIT_BROKEN, run.run.id)
        assert f"no object {run.chain}" in alert.reason
        await disk.put(chain)
        memory = await check(stack, fleet)
        assert memory.archive is not None
        assert memory.archive.verification is not None
        known = memory.archive.verification
        assert (memory.open, known.broken, known.runs, known.checkpoints) == ((), (), 1, 1)
