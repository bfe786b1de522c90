"""Start a worker as a child process: for `rota dev` and the demo."""

import os
import site
import subprocess
import sys
from pathlib import Path
from typing import IO

from workers.leash import leashed
from workers.settings import Settings

_HOME = str(Path(__file__).resolve().parents[1])
"""What Rota was imported from: a clone or site-packages."""


class WorkerStartError(Exception):
    """The operating system would not start the process; the message says why."""


def start_worker(settings: Settings, *, log: IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
    """Start `rota worker` with `settings`, on a leash; it writes to `log`, or where this does.

    In a process group of its own: Ctrl-C reaches the parent alone, which then stops the
    worker in order.

    Raises:
        WorkerStartError: there is no memory, no process or no file left to start it with.
    """
    # -P: a folder of the fleet named `workers` or `rota` must not shadow ours.
    command = [sys.executable, "-P", "-m", "workers", "worker", "--fleet", str(settings.fleet)]
    command += ["--store", settings.store, "--task-queue", settings.task_queue]
    command += ["--address", str(settings.address), "--namespace", str(settings.namespace)]
    try:
        return subprocess.Popen(
            leashed(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=_environment(),
        )
    except OSError as error:
        raise WorkerStartError(
            f"cannot start a worker: {error.strerror or error}; free some memory, processes or "
            "open files, then start again"
        ) from error


def _environment() -> dict[str, str]:
    """This process's own; in a clone that is not installed, the child finds the clone too."""
    environment = dict(os.environ)
    if _HOME not in site.getsitepackages():
        paths = (_HOME, environment.get("PYTHONPATH", ""))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment
