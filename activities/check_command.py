"""A check that runs a program of the fleet's: JSON in, an exit code out."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from activities.providers.command_process import CommandProcess, started
from activities.secrets import Secrets
from rota.checks.verdicts import DETAIL_LIMIT, CheckState
from rota.failures import StepError

INHERITED = ("PATH", "HOME", "LANG")
"""All that a check gets of the worker's environment; no secret of a runtime is among it."""
_KEPT = 64 * 1024
"""Bytes of the end of each stream that are kept; the rest is read and thrown away."""
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Said:
    """What came of a program."""

    state: CheckState
    detail: str = ""


async def run_check(
    command: tuple[str, ...],
    given: bytes,
    *,
    name: str,
    cwd: Path,
    env: Mapping[str, str],
    timeout: timedelta,
) -> Said:
    """Run `command`; it passes if it ends with 0.

    Its last line, of standard error or else of standard output, says why it does not. One that
    cannot be started, is killed by a signal or does not end in time proves nothing.

    Args:
        command: Program and arguments; no shell.
        given: Its standard input.
        name: Of the check.
        cwd: Folder it runs in.
        env: Its environment beside what every check inherits.
        timeout: When it is killed.
    """
    inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
    inherited.setdefault("LANG", "C.UTF-8")
    setting = f"checks.{name}.command"
    try:
        async with started(command, cwd=cwd, env=inherited | dict(env), setting=setting) as process:
            async with asyncio.timeout(timeout.total_seconds()):
                return await _followed(process, given)
    except TimeoutError:
        return Said(CheckState.UNKNOWN, f"no answer within {timeout.total_seconds():g} s")
    except StepError as error:
        return Said(CheckState.UNKNOWN, str(error))


async def _followed(process: CommandProcess, given: bytes) -> Said:
    out, err, _ = await asyncio.gather(
        _tail(process.stdout), _tail(process.stderr), _tell(process, given)
    )
    code = await process.ended()
    if code == 0:
        return Said(CheckState.PASSED)
    said = _last_line(err) or _last_line(out)
    if code is None or code < 0:
        return Said(CheckState.UNKNOWN, f"it was killed{f': {said}' if said else ''}")
    return Said(CheckState.FAILED, said or f"it ended with {code}")


async def _tell(process: CommandProcess, given: bytes) -> None:
    # One that does not read what it is told may still know better.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
        process.stdin.close()


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_CHUNK):
        kept = (kept + chunk)[-_KEPT:]
    return kept


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return Secrets().shortened(lines[-1].strip(), DETAIL_LIMIT) if lines else ""
