"""What the number a command ends with means. The one list; `rota --help` prints it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    OK = 0
    FAILED = 1
    WRONG = 2
    NO_SERVER = 3
    NOT_FOUND = 4
    INTERRUPTED = 130
    PIPE_CLOSED = 141

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "what was asked for failed: a run failed, drift was found, a check is red",
    ExitCode.WRONG: "wrong usage, or a declaration with errors",
    ExitCode.NO_SERVER: "no Temporal server, or no worker, answered",
    ExitCode.NOT_FOUND: "no such agent, run or version",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    ExitCode.PIPE_CLOSED: "the reader of the output went away",
}
