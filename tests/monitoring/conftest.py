"""A server whose lists are not full of what other tests have left; Prometheus where it is."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.dismissal import dismiss
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs Prometheus where there is none, and nobody asks for it.

    In CI it is asked for, and so it is by `-m prometheus`: then what is missing fails.
    """
    is_asked_for = "prometheus" in str(config.option.markexpr)
    is_ci = bool(os.environ.get("CI") or os.environ.get("ROTA_CI"))
    if is_asked_for or is_ci or (shutil.which("prometheus") and shutil.which("promtool")):
        return
    left = [item for item in items if item.get_closest_marker("prometheus")]
    items[:] = [item for item in items if not item.get_closest_marker("prometheus")]
    config.hook.pytest_deselected(items=left)
