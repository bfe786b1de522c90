"""A worker that cannot be started, alone and within `rota dev`."""

import asyncio
from pathlib import Path

import pytest

from workers import dev
from workers.child_worker import WorkerStartError, start_worker
from workers.cli.errors import explained
from workers.cli.exit_codes import ExitCode
from workers.devserver import DevServer, free_port
from workers.settings import Settings


def test_start_worker_refused_by_the_system_says_why() -> None:
    """One line with the system's own reason."""
    no_system_takes_this = Path("x" * 10_000_000)
    with pytest.raises(WorkerStartError, match="cannot start a worker: Argument list too long"):
        start_worker(Settings(fleet=no_system_takes_this, store="s"))


def test_start_worker_runs_the_rota_it_was_started_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone works without being installed, wherever the command is typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        nowhere = f"127.0.0.1:{free_port()}"
        settings = Settings(tmp_path, store="s", address=nowhere, namespace="default")
        worker = start_worker(settings, log=output)
        assert worker.wait(30) == ExitCode.NO_SERVER
    assert "no Temporal server answers" in log.read_text()


async def test_dev_whose_worker_cannot_be_started_ends_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not go on without a worker, as if all were well."""

    def start_none(settings: Settings) -> None:
        raise WorkerStartError("cannot start a worker: no memory")

    async def ready(server: DevServer, settings: Settings) -> None:
        """Waits for a worker, as applying a fleet does."""
        await asyncio.Event().wait()

    monkeypatch.setattr(dev, "start_worker", start_none)
    settings = Settings.read(tmp_path, store=str(tmp_path / "store"))
    options = dev.DevOptions(settings, tmp_path / "temporal.db", free_port(), ui_port=None)
    with pytest.raises(WorkerStartError, match="no memory") as caught:
        async with asyncio.timeout(30):
            await dev.run_dev(options, lambda line: None, ready)
    assert explained(caught.value) is not None
