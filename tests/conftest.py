"""What every test starts from."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.skipping import open_skipping_stack, skipping_server
from tests.stack import Stack, open_stack
from workers.devserver import DevServer, dev_server

# A time limit per example judges the machine, not the code: pytest's own timeout is enough.
# `print_blob` gives the line that repeats a failure seen elsewhere.
settings.register_profile("rota", deadline=None, print_blob=True)
settings.load_profile("rota")


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[DevServer]:
    """The real Temporal server, in memory, shared by the session."""
    async with dev_server() as running:
        yield running


@pytest.fixture
async def stack(server: DevServer, tmp_path: Path) -> Stack:
    """A corner of the server of one's own, without a worker yet."""
    return await open_stack(server.address, tmp_path)


@pytest.fixture(scope="session")
async def quick_clock() -> AsyncIterator[DevServer]:
    """A server whose runs may skip what they only wait for."""
    async with skipping_server() as running:
        yield running


@pytest.fixture
async def skipping_stack(quick_clock: DevServer, tmp_path: Path) -> Stack:
    """A stack whose runs sleep through hours in no time; its keepers live in real time."""
    return await open_skipping_stack(quick_clock.address, tmp_path)


PROCESS_FOLDERS = {"processes", "workers", "stores"}
"""Tests below these start processes or an S3 server even where no fixture says so."""
SERVER_NAMES = {"dev_server", "WorkflowEnvironment", "temporal_binary"}
"""A test module that holds one of these starts a server itself."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what needs no server first, and let `make fast` run that alone.

    Full sizes are left out of every run that does not name their marker.
    """
    if "soak" not in str(config.option.markexpr):
        soaks = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soaks)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        module = set(vars(getattr(item, "module", item)))
        if (
            {"server", "stack", "quick_clock"} & fixtures
            or SERVER_NAMES & module
            or (PROCESS_FOLDERS & set(item.path.parts))
        ):
            item.add_marker("server")
    items.sort(key=lambda item: item.get_closest_marker("server") is not None)


def pytest_collection_finish() -> None:
    """Take what lives as long as the session out of the collector's sight.

    A full collection walks every test there is. On a busy machine that took more than the
    two seconds a workflow task may last, so a workflow was taken for one that hangs.
    """
    gc.collect()
    gc.freeze()
