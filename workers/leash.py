"""Run a command that dies with the process that started it, however that one ends.

`rota dev` may be killed with -9, and then nobody is left to stop its children. On Linux
the kernel does it: this file runs first in the child, asks for a signal at the parent's
death, and becomes the command. Elsewhere the command runs as it is. Not a `preexec_fn`:
Python code between fork and exec can deadlock in a process with threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` on a leash held by this process.

    Start it from a thread that lives as long as the process: the kernel watches that.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        # It died before the kernel was asked.
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
