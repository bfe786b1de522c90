"""Which executions are replayed, from a server."""

from datetime import UTC, datetime, timedelta

from tests.stack import Stack, script
from tests.workflows.gates import poll
from workers.replaying.sources import Executions, executions_of


async def test_limit_leaves_out_old_ends_and_nothing_that_is_open(stack: Stack) -> None:
    """The keeper is the oldest, and always there; how many ended runs are not is told."""
    name, day = stack.name("clerk"), datetime.now(UTC) - timedelta(days=1)

    async def found(limit: int, count: int) -> Executions | None:
        executions = await executions_of(stack.client, stack.store, name, None, day, limit)
        return executions if len(executions.found) == count else None

    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        for number in range(3):
            await stack.run(name, f"{name}-{number}")
        # What has just ended is listed a moment later.
        everything = await poll(lambda: found(10, 4))
        some = await poll(lambda: found(1, 2))
    told = [(each.id, some.left_out) for each in some.found]
    assert (everything.left_out, told) == (0, [(f"agent:{name}", 2), (f"{name}-2", 2)])
