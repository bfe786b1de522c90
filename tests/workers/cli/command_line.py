"""The command line as tests use it: in this process, or as a process of its own."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.house.repository import ROOT
from workers.cli.main import run


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)


async def rota(*arguments: str) -> Ended:
    """Run one command in a thread of this process, errors told as `main` tells them."""

    def call() -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(arguments))
        return Ended(int(code), out.getvalue(), err.getvalue())

    return await asyncio.to_thread(call)


def start(
    *arguments: str, folder: Path | None = None, environ: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start one command as a process, in a group of its own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_")}
    return subprocess.Popen(
        [sys.executable, "-m", "workers", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


async def end_of(process: "subprocess.Popen[str]", seconds: float = 30) -> Ended:
    """Wait for a process and return what it left behind."""
    try:
        out, err = await asyncio.to_thread(process.communicate, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ended(process.returncode, out, err)


async def process(*arguments: str, folder: Path | None = None) -> Ended:
    """Run one command as a process."""
    return await end_of(start(*arguments, folder=folder))
