"""A worker that dies, as by `kill -9`, around the moment it records a reply.

python -m tests.processes.dying_worker before|after [options of `rota worker`]
"""

import os
import sys

from activities.paid_calls import PaidCalls
from workers.cli.main import main


def die_around_recording(when: str) -> None:
    """End this process `before` or `after` its first reply is recorded."""
    record = PaidCalls.record

    async def record_and_die(self: PaidCalls, asked: str, node: str) -> None:
        if when == "after":
            await record(self, asked, node)
        os._exit(137)

    PaidCalls.record = record_and_die


if __name__ == "__main__":
    die_around_recording(sys.argv.pop(1))
    sys.argv.insert(1, "worker")
    main()
