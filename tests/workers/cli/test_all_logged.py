"""Whatever a serving process says is a line of its log, and without secrets."""

import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import click
import pytest

from activities.secrets import Secrets
from workers.cli.all_logged import logged
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode

say = print
"""As tools use it."""
SECRET = "hush-printed-by-a-library"


@contextmanager
def saying(*, as_json: bool = True) -> Generator[None]:
    """What the block says is logged; the process's own logging is put back afterwards."""
    Secrets().keep_out(SECRET)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        with logged("INFO", as_json=as_json):
            yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def everything() -> None:
    """All ways in which a tool may write without meaning the log."""
    say("printed", SECRET)
    say("and", "more", file=sys.stderr)
    sys.stdout.write("begun, ")
    warnings.warn(f"warned of {SECRET}", UserWarning, stacklevel=1)

    def failing() -> None:
        say("in a thread")
        raise RuntimeError(f"lost with {SECRET}")

    thread = threading.Thread(target=failing, name="of-a-tool")
    thread.start()
    thread.join()
    logging.getLogger("library").info("two %s of them %s", SECRET)
    say("ended")
    sys.stdout.write("without a line's end")


@pytest.mark.filterwarnings("always::UserWarning")
def test_whatever_is_said_is_one_object_a_line_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Prints, warnings, exceptions of threads, and messages whose arguments do not fit."""
    with saying():
        everything()
    told = capsys.readouterr()
    assert told.out == ""
    assert SECRET not in told.err
    events = [json.loads(line) for line in told.err.splitlines()]
    said = [(event["logger"], event["message"]) for event in events]
    assert ("stdout", "printed [redacted]") in said
    assert ("stderr", "and more") in said
    assert ("stdout", "in a thread") in said
    assert ("stdout", "begun, ended") in said
    assert ("stdout", "without a line's end") in said
    (warned,) = [text for logger, text in said if logger == "py.warnings"]
    assert warned.endswith("UserWarning: warned of [redacted]")
    (lost,) = [event for event in events if "of-a-tool" in event["message"]]
    assert lost["error"] == "RuntimeError: lost with [redacted]"
    assert ("library", "two %s of them %s (its arguments do not fit: TypeError)") in said


def test_error_that_ends_the_process_is_a_line_of_json_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code that it has; in text people read it as of any command."""
    wrong = CommandError("no such folder\nname another", ExitCode.WRONG)
    with pytest.raises(click.exceptions.Exit) as ended, saying():
        raise wrong
    assert ended.value.exit_code == ExitCode.WRONG
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(e["level"], e["message"]) for e in events] == [
        ("CRITICAL", "no such folder"),
        ("CRITICAL", "name another"),
    ]
    with pytest.raises(CommandError), saying(as_json=False):
        raise wrong


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (ZeroDivisionError(SECRET), ExitCode.FAILED)],
)
def test_end_that_nobody_foresaw_is_one_line_of_json(
    error: BaseException, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while it starts, and a bug with its traceback."""
    with pytest.raises(click.exceptions.Exit) as ended, saying():
        raise error
    assert ended.value.exit_code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert SECRET not in line
    assert ("traceback" in json.loads(line)) is (code is ExitCode.FAILED)


def test_what_was_is_put_back() -> None:
    """Hooks and streams of whoever runs the command within a process of its own."""
    before = threading.excepthook, sys.unraisablehook, sys.stdout, sys.stderr
    with saying():
        assert sys.stdout is not before[2]
    assert (threading.excepthook, sys.unraisablehook, sys.stdout, sys.stderr) == before


def test_log_that_nobody_reads_any_more_ends_nothing() -> None:
    """A pipe that is closed: neither an endless error about errors nor a traceback."""
    code = (
        "import sys, logging\n"
        "from workers.cli.all_logged import logged\n"
        "with logged('INFO', as_json=True):\n"
        "    sys.stdin.readline()\n"
        "    logging.getLogger('x').info('unread')\n"
        "    print('unread')\n"
        "import os; os._exit(7)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
        process.stderr = None
        process.communicate(b"\n", timeout=30)
    assert process.returncode == 7
