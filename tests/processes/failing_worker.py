"""A worker that can no longer serve, although nobody told it to stop.

python -m tests.processes.failing_worker start|poll [options of `rota worker`]

With `start` the SDK's worker does not even begin; with `poll` its next look for work fails
once there is a file `fail` in the fleet, as if the server had refused it for good.
"""

import asyncio
import sys
from pathlib import Path

from temporalio.bridge.worker import Worker as BridgeWorker
from temporalio.worker import Worker

from workers.cli.main import main


def fail_at_start() -> None:
    """Let `Worker.run` raise."""

    async def run(self: Worker) -> None:
        raise RuntimeError("cannot begin")

    Worker.run = run


def fail_while_polling(trigger: Path) -> None:
    """Let every look for workflow tasks fail from the moment on that `trigger` exists."""
    poll = BridgeWorker.poll_workflow_activation

    async def poll_or_fail(self: BridgeWorker):
        waiting = asyncio.ensure_future(poll(self))
        while not trigger.exists():  # noqa: ASYNC240 - a look of microseconds
            await asyncio.wait((waiting,), timeout=0.05)
            if waiting.done():
                return waiting.result()
        raise RuntimeError("namespace gone")

    BridgeWorker.poll_workflow_activation = poll_or_fail


if __name__ == "__main__":
    if sys.argv.pop(1) == "start":
        fail_at_start()
    else:
        fail_while_polling(Path(sys.argv[sys.argv.index("--fleet") + 1], "fail"))
    sys.argv.insert(1, "worker")
    main()
