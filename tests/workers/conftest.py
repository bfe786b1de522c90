"""What tests of processes start from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workers.devserver import dev_server


@dataclass(frozen=True)
class FiledServer:
    """A server on a database file."""

    address: str
    folder: Path
    """Where its database lies."""
    ui: str
    """URL of its web UI."""
    metrics: str
    """URL of its own metrics."""


@pytest.fixture(scope="session")
async def filed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FiledServer]:
    """A server for encrypted fleets: whoever counts keys reads all that others left."""
    folder = tmp_path_factory.mktemp("server")
    async with dev_server(database=folder / "temporal.db", with_ui=True) as running:
        assert running.ui is not None
        yield FiledServer(running.address, folder, running.ui, running.metrics)
