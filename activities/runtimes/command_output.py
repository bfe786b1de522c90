"""What a program says: its output, its progress, the end of its complaints.

Reads both streams to their end whatever they hold, so that a program never waits for a pipe
that nobody empties.
"""

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.command import CommandSettings

TAIL = 1200
"""Characters of the end of a stream that travel in the message of a failure."""
SHOWN = 200
"""Characters of a line of progress."""
CHUNK = 64 * 1024


class Output:
    """Collects what a program writes.

    Args:
        settings: How much it may write, and which lines tell of progress.
        alive: Called with each line of progress, and with nothing for any other sign of life.
    """

    def __init__(self, settings: CommandSettings, alive: Callable[[str], None]) -> None:
        self._limit = settings.max_output
        self._marker = settings.progress.encode()
        self._alive = alive
        self._lines = bytearray()
        self._stderr_line = bytearray()
        self._out = bytearray()
        self._err = bytearray()
        self.too_long = asyncio.Event()
        """It wrote more to standard output than it may; the rest is thrown away."""

    async def read_stdout(self, stream: asyncio.StreamReader) -> None:
        """Take all of standard output; lines of progress are no part of it."""
        while chunk := await stream.read(CHUNK):
            if not self._marker:
                self._alive("")
                self._keep(chunk)
                continue
            self._lines += chunk
            whole, line_feed, rest = bytes(self._lines).rpartition(b"\n")
            self._lines = bytearray(rest)
            self._take_lines(whole + line_feed)
            if len(self._lines) <= CHUNK:
                continue
            if self._lines.startswith(self._marker):
                # A line of progress without end: what is shown of it is its beginning.
                del self._lines[CHUNK:]
            else:
                self._keep(bytes(self._lines))
                self._lines.clear()
        self._take_lines(bytes(self._lines))

    async def read_stderr(self, stream: asyncio.StreamReader) -> None:
        """Take all of standard error; its end is kept."""
        while chunk := await stream.read(CHUNK):
            self._err = (self._err + chunk)[-CHUNK:]
            *lines, rest = bytes(self._stderr_line + chunk).split(b"\n")
            self._stderr_line = bytearray(rest[-CHUNK:])
            for line in lines:
                self._progress(line)
            self._alive("")

    @property
    def complaint(self) -> str:
        """The end of standard error, or else of standard output, on one line."""
        end = (bytes(self._err).strip() or bytes(self._out[-CHUNK:])).decode(errors="replace")
        # Before it is cut: of a secret that the cut goes through, a part would remain.
        return " ".join(Secrets().redact(end).split())[-TAIL:]

    @property
    def text(self) -> str:
        """Standard output."""
        return bytes(self._out).decode(errors="replace")

    def _take_lines(self, lines: bytes) -> None:
        for line in lines.splitlines(keepends=True):
            if line.startswith(self._marker):
                self._progress(line)
            else:
                self._alive("")
                self._keep(line)

    def _keep(self, data: bytes) -> None:
        room = self._limit - len(self._out)
        self._out += data[: max(0, room)]
        if len(data) > room:
            self.too_long.set()

    def _progress(self, line: bytes) -> None:
        if line.startswith(self._marker):
            text = line[len(self._marker) :].decode(errors="replace").strip()
            self._alive(Secrets().shortened(text, SHOWN))


def result_text(output: Output, file: Path, limit: int) -> str:
    """Return what the program answered: the result file if it wrote one, else its output.

    Raises:
        StepError: `outcome_invalid`: the file is no plain file, or longer than `limit` bytes.
    """
    try:
        found = file.lstat()
    except FileNotFoundError:
        return output.text
    if not stat.S_ISREG(found.st_mode):
        raise StepError(FailureCategory.OUTCOME_INVALID, "ROTA_RESULT is no longer a plain file")
    if found.st_size > limit:
        raise too_long("the file ROTA_RESULT", limit)
    return file.read_bytes().decode(errors="replace")


def too_long(what: str, limit: int) -> StepError:
    """Return the failure of a program that answered more than it may."""
    return StepError(
        FailureCategory.OUTCOME_INVALID,
        f"the program wrote more than {limit} bytes to {what}; raise runtime.max_output, or "
        "let it write less",
    )


def json_document(text: str) -> Any:
    """Return the JSON in `text`: the whole of it, or else its last line.

    Raises:
        StepError: `outcome_invalid`: neither is JSON.
    """
    lines = text.strip().splitlines()
    for candidate in (text, *lines[-1:]):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    last = Secrets().shortened(lines[-1], SHOWN) if lines else ""
    raise StepError(
        FailureCategory.OUTCOME_INVALID,
        "the program's output is not JSON, nor is its last line; set runtime.output: text, or "
        f"let it write JSON; it {f'ends with: {last}' if last else 'is empty'}",
    )
