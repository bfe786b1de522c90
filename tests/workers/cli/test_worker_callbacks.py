"""`rota worker --callbacks`: refused before anything is connected to, where it cannot work."""

from pathlib import Path

from tests.workers.cli.command_line import start
from workers.cli.exit_codes import ExitCode


def ended(folder: Path, *options: str, **environ: str) -> tuple[int, str]:
    """Exit code and complaint of a worker that must not start."""
    process = start("worker", "--fleet", str(folder), *options, environ=environ)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_worker_with_half_of_its_callbacks_says_what_is_missing(tmp_path: Path) -> None:
    """The public address and the secret are named, by option and by variable."""
    code, err = ended(tmp_path, "--callbacks", "127.0.0.1:0")
    assert code != ExitCode.OK
    assert "--callback-url (ROTA_CALLBACK_URL)" in err
    code, err = ended(tmp_path, ROTA_CALLBACK_URL="https://rota.example.com")
    assert code != ExitCode.OK
    assert "ROTA_CALLBACK_SECRET" in err
    assert "Traceback" not in err
