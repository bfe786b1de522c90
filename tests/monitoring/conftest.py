"""A server whose lists are not full of what other tests have left."""

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
