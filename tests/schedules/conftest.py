"""A fleet in a folder of its own, and a server whose lists are short."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dismissal import dismiss
from tests.schedules.fleet_folder import write_good_fleet
from tests.stack import Stack
from workers.devserver import DevServer


@pytest.fixture(scope="session")
def server(listing_server: DevServer) -> DevServer:
    """Shared with the other tests that have everything listed."""
    return listing_server


@pytest.fixture
async def stack(stack: Stack) -> AsyncIterator[Stack]:
    """A stack that leaves nothing to list."""
    yield stack
    await dismiss(stack)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of one good agent; its folder's name is not yet a fleet's name."""
    fleet = tmp_path / "My Fleet!"
    write_good_fleet(fleet)
    return fleet
