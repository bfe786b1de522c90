"""Checks that run a program: what its end, or that it has none, proves."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from activities.check_command import Said, run_check
from rota.checks.verdicts import CheckState

READS = "import json, sys, os; given = json.load(sys.stdin); "


async def checked(tmp_path: Path, code: str, seconds: float = 10.0) -> Said:
    """Run a line of Python as a check."""
    return await run_check(
        (sys.executable, "-c", code),
        json.dumps({"output": {"rows": 3}}).encode(),
        name="rows",
        cwd=tmp_path,
        env={"ROTA_RUN": "report-1"},
        timeout=timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(
            READS + "sys.exit(0 if given['output']['rows'] == 3 else 1)",
            Said(CheckState.PASSED),
            id="good",
        ),
        pytest.param(
            READS + "print('3 rows'); sys.exit('too few rows')",
            Said(CheckState.FAILED, "too few rows"),
            id="says why",
        ),
        pytest.param(
            "import sys; print('only this'); sys.exit(3)",
            Said(CheckState.FAILED, "only this"),
            id="reads nothing",
        ),
        pytest.param(
            "import sys; sys.exit(3)", Said(CheckState.FAILED, "it ended with 3"), id="mute"
        ),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)",
            Said(CheckState.UNKNOWN, "it was killed"),
            id="killed",
        ),
        pytest.param(
            "import os; raise SystemExit(0 if os.environ['ROTA_RUN'] == 'report-1' else 1)",
            Said(CheckState.PASSED),
            id="environment",
        ),
    ],
)
async def test_program_passes_if_and_only_if_it_ends_with_0(
    tmp_path: Path, code: str, said: Said
) -> None:
    """Its last word says why it does not; one that is killed proves nothing."""
    assert await checked(tmp_path, code) == said


async def test_program_that_does_not_end_is_killed_and_proves_nothing(tmp_path: Path) -> None:
    """The run does not wait for it for ever."""
    said = await checked(tmp_path, "import time; time.sleep(60)", 0.3)
    assert said == Said(CheckState.UNKNOWN, "no answer within 0.3 s")


async def test_program_that_is_not_there_proves_nothing_and_is_named(tmp_path: Path) -> None:
    """A typing mistake in a declaration is not a bad result."""
    said = await run_check(
        ("no-such-program",),
        b"",
        name="rows",
        cwd=tmp_path,
        env={},
        timeout=timedelta(seconds=5),
    )
    assert said.state is CheckState.UNKNOWN
    assert said.detail.startswith("checks.rows.command: 'no-such-program' cannot be started")
