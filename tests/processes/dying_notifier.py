"""A worker that dies, as by `kill -9`, once a message was taken and before anybody knows.

python -m tests.processes.dying_notifier [options of `rota worker`]
"""

import os
import sys

from activities.notify import webhook
from activities.notify.means import Means
from activities.providers.json_calls import Call
from rota.notices.facts import Channel
from workers.cli.main import main

post = webhook.post


async def post_and_die(means: Means, channel: Channel, call: Call) -> None:
    """Send the request; the answer is the last that this process hears."""
    await post(means, channel, call)
    os._exit(137)


if __name__ == "__main__":
    webhook.post = post_and_die
    sys.argv.insert(1, "worker")
    main()
