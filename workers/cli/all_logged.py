"""Everything that a serving process says is a line of its log: what others print and warn of, too.

A log of one object per event is read by machines, and secrets are cut out of it. A `print` in a
tool, a library's warning or an exception in a thread would be neither, so they are logged.
"""

import io
import logging
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

import click

from workers.cli.errors import explained
from workers.cli.exit_codes import ExitCode
from workers.cli.logs import log_to_stderr

LONGEST = 8192
"""Characters of a printed line; what goes on without a line's end is logged in pieces."""

log = logging.getLogger("rota.process")


@contextmanager
def logged(level: str, *, as_json: bool) -> Generator[None]:
    """Log to standard error, and all that others write while the block lasts.

    In JSON the error that ends the block as well, which people otherwise read as `error: ...`.

    Raises:
        click.exceptions.Exit: in its place, with its exit code.
    """
    log_to_stderr(level, as_json=as_json)
    hooks = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = _in_thread, _in_nobodys_hands
    out = Printed(logging.getLogger("stdout"), logging.INFO, sys.stdout)
    err = Printed(logging.getLogger("stderr"), logging.WARNING, sys.stderr)
    try:
        with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
            warnings.showwarning = _warned
            try:
                yield
            finally:
                out.end()
                err.end()
    except (Exception, KeyboardInterrupt) as error:
        if not as_json or isinstance(error, click.exceptions.Exit):
            raise
        raise click.exceptions.Exit(_last_words(error)) from error
    finally:
        threading.excepthook, sys.unraisablehook = hooks


class Printed(io.TextIOBase):
    """A stream whose lines are logged; each thread has its own, so that none are mixed."""

    def __init__(self, logger: logging.Logger, level: int, real: TextIO) -> None:
        super().__init__()
        self._logger, self._level, self._real = logger, level, real
        self._begun = threading.local()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As that of the stream in whose place it is."""
        return self._real.encoding

    @property
    def buffer(self) -> Any:
        """Bytes go where they went: nobody knows what they are."""
        return self._real.buffer

    def fileno(self) -> int:
        """For programs that are started with this stream."""
        return self._real.fileno()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str, /) -> int:
        """Log every line that is whole now."""
        *lines, rest = (getattr(self._begun, "text", "") + text).split("\n")
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], ""
        self._begun.text = rest
        for line in filter(str.strip, lines):
            self._logger.log(self._level, "%s", line.rstrip("\r"))
        return len(text)

    def end(self) -> None:
        """Log what this thread has begun."""
        if getattr(self._begun, "text", ""):
            self.write("\n")


def _last_words(error: BaseException) -> int:
    """Log what ends the process; its exit code."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        log.error("interrupted")
        return ExitCode.INTERRUPTED
    told = explained(error) if isinstance(error, Exception) else None
    if told is None:
        log.critical("this is a bug in Rota; please report it with this line", exc_info=error)
        return ExitCode.FAILED
    for line in told.format_message().splitlines():
        log.critical("%s", line)
    return told.exit_code


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """As Python shows a warning, but without the line of code: it may hold anything."""
    del file, line
    logging.getLogger("py.warnings").warning(
        "%s:%d: %s: %s", filename, lineno, category.__name__, message
    )


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:  # none at the end of the interpreter
        name = args.thread.name if args.thread else "a thread"
        log.error("an exception ended %s", name, exc_info=args.exc_value)


def _in_nobodys_hands(args: "sys.UnraisableHookArgs") -> None:
    log.error(
        "%s: %r",
        args.err_msg or "nobody took an exception of",
        args.object,
        exc_info=args.exc_value,
    )
