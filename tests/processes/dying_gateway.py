"""A gateway that dies of `kill -9` as soon as the server has the run, before it has answered."""

import os
import signal
from typing import Any

from temporalio.client import Client, WorkflowHandle

from workers.__main__ import main

_start = Client.start_workflow


async def _start_and_die(
    client: Client, *arguments: Any, **options: Any
) -> WorkflowHandle[Any, Any]:
    await _start(client, *arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed, and still here")


if __name__ == "__main__":
    Client.start_workflow = _start_and_die  # pyright: ignore[reportAttributeAccessIssue]
    main()
