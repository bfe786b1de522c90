"""A worker that dies, as by `kill -9`, in the middle of delivering a batch of events.

python -m tests.processes.dying_deliverer <starts> [options of `rota worker`]
"""

import os
import sys
from typing import Any

from activities.desks.topics import TopicDeskActivities
from rota.topics.topic import Event, Subscriber
from workers.cli.main import main


def die_after_starts(number: int) -> None:
    """End this process once it has started so many runs, before anybody learns of the last."""
    start = TopicDeskActivities._start
    started = 0

    async def start_and_die(
        self: TopicDeskActivities,
        topic: str,
        event: Event,
        subscriber: Subscriber,
        run_input: dict[str, Any],
    ) -> None:
        nonlocal started
        await start(self, topic, event, subscriber, run_input)
        started += 1
        if started == number:
            os._exit(137)

    TopicDeskActivities._start = start_and_die


if __name__ == "__main__":
    die_after_starts(int(sys.argv.pop(1)))
    sys.argv.insert(1, "worker")
    main()
