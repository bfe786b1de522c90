"""`rota worker --fleet`: a path that leads nowhere is told before anything is served."""

from pathlib import Path

from tests.workers.cli.command_line import start
from workers.cli.exit_codes import ExitCode


def test_worker_of_a_folder_that_is_not_there_does_not_start(tmp_path: Path) -> None:
    """It would serve runs without one of their tools, and block them all."""
    process = start("worker", "--fleet", str(tmp_path / "fleeet"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.WRONG
    assert f"no folder {tmp_path / 'fleeet'}: name the fleet's with --fleet" in err
    assert "Traceback" not in err
