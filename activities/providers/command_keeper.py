"""Runs one program and sees to it that nothing of it is left, whatever happens.

A program of its own, between the worker and the command: `python -I -S command_keeper.py FD
PROGRAM ARGUMENT…`. It holds one end of a socket pair. The other end is the worker's, and when
the worker dies, be it by -9, the kernel closes it: that is what this process waits for.

The command gets a session and process group of its own. On Linux this process also adopts
what the command's children leave behind (a *subreaper*), so those that have left the group
are found and killed too. Elsewhere only the group is.

    worker -> keeper   `T` asks the group to end; the end of the stream kills it
    keeper -> worker   one JSON object a line: {"started": pid}, or {"failed": reason}; then
                       {"ended": exit code, below 0 for a signal} when nobody is left

Standard library only: started for each command, without site-packages.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


def keep(control: int, command: list[str]) -> None:
    """Run `command` until it ends or the worker does."""
    os.set_inheritable(control, False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken = _wake_on_children()
    # What the terminal or a supervisor sends to everybody is for the worker to act on.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pid, problem = _start(command)
    _let_go_of_streams()
    if problem:
        _tell(control, {"failed": problem})
        return
    _tell(control, {"started": pid})
    status = _watch(control, woken, pid)
    status = _sweep(pid, status)
    _tell(control, {"ended": status})


def _prctl(option: int, value: int) -> None:
    if _LINUX and ctypes.CDLL(None, use_errno=True).prctl(option, value) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _wake_on_children() -> int:
    """Return a descriptor that can be read when a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return reading


def _start(command: list[str]) -> tuple[int, str]:
    """Return the program's process id, and why it could not be started, if so."""
    reading, writing = os.pipe()
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            # Should this process be killed by -9, the program at least goes with it.
            _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
            if os.getppid() != keeper:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (
                *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
                *(signal.SIGCHLD, signal.SIGPIPE),
            ):
                signal.signal(number, signal.SIG_DFL)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(writing, (error.strerror or str(error)).encode())
        finally:
            os._exit(127)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        return pid, told.read().decode()


def _let_go_of_streams() -> None:
    """Leave the program's streams to it alone: they end when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def _watch(control: int, woken: int, pid: int) -> int | None:
    """Wait until the program has ended, or must; return its exit code if it has."""
    # Not `select`, which takes no number above 1023: ours is as high as the worker's was.
    looked_at = select.poll()
    looked_at.register(control, select.POLLIN)
    looked_at.register(woken, select.POLLIN)
    while True:
        ready = {number for number, _ in looked_at.poll()}
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            status = _reap(pid)
            if status is not None:
                return status
        if control in ready:
            order = b""
            # A worker that was killed may leave a reset behind instead of an end.
            with contextlib.suppress(ConnectionError):
                order = os.read(control, 1)
            if order != b"T":
                return None
            _signal_group(pid, signal.SIGTERM)


def _reap(pid: int) -> int | None:
    """Bury every child that has ended; return the program's exit code if it is one."""
    found: int | None = None
    with contextlib.suppress(ChildProcessError):
        while True:
            dead, status = os.waitpid(-1, os.WNOHANG)
            if dead == 0:
                break
            if dead == pid:
                found = os.waitstatus_to_exitcode(status)
    return found


def _sweep(pid: int, status: int | None) -> int:
    """Kill until nobody is left; return the program's exit code."""
    while True:
        _signal_group(pid, signal.SIGKILL)
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            # All children there are have been killed; theirs become ours when they are dead.
            dead, raw = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        if dead == pid:
            status = os.waitstatus_to_exitcode(raw)
    while not _LINUX and _signal_group(pid, signal.SIGKILL):
        time.sleep(0.01)
    return -int(signal.SIGKILL) if status is None else status


def _signal_group(group: int, number: signal.Signals) -> bool:
    """Signal everybody in the group; false if nobody is."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group in which only zombies are left.
        return False
    return True


def _children() -> list[int]:
    if not _LINUX:
        return []
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children") as listed:
            return [int(word) for word in listed.read().split()]
    except FileNotFoundError:
        # A kernel without that list.
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _of(pid, me)]


def _of(pid: int, parent: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            # The name, in brackets, may hold anything; state and parent follow it.
            return int(stat.read().rpartition(")")[2].split()[1]) == parent
    except OSError:
        return False


def _tell(control: int, fact: dict[str, object]) -> None:
    # Nobody may be there any more to be told.
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(fact).encode() + b"\n")


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2:])
