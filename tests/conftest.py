"""What every test starts from."""

import functools
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from tests.hasty import hasty_server
from tests.prometheus import is_wanted as prometheus_wanted
from tests.skipping import open_skipping_stack, skipping_server
from tests.stack import Stack, open_stack
from workers.devserver import DevServer, dev_server

# Until all tests are collected: nothing of them is garbage, and looking for it takes a second.
gc.disable()

# A time limit per example judges the machine, not the code: pytest's own timeout is enough.
# `print_blob` gives the line that repeats a failure seen elsewhere. Each run draws other
# examples, so few of them in each are many over time; `--hypothesis-profile=full` draws more.
settings.register_profile("rota", deadline=None, print_blob=True, max_examples=40)
settings.register_profile("full", deadline=None, print_blob=True, max_examples=500)
settings.load_profile("rota")

OLDER_SCHEDULER = (
    "history.enableCHASMSchedulerCreation=false",
    "history.chasmSchedulerCreationRolloutPercent=0",
)

# The servers of tests live for minutes and have memory to spare: their collector may wait. And
# several share two cores: with one each they wake nobody in vain, which takes a sixth off their
# work and makes no run slower.
os.environ.setdefault("GOGC", "400")
os.environ.setdefault("GOMAXPROCS", "1")


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[DevServer]:
    """The real Temporal server, in memory, shared by the session."""
    async with dev_server() as running:
        yield running


@pytest.fixture(scope="session")
async def listing_server() -> AsyncIterator[DevServer]:
    """A server for tests that have all its keepers listed: those of others would slow them."""
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


@pytest.fixture(scope="session")
async def short_histories() -> AsyncIterator[DevServer]:
    """A server on which everything continues as new after some 60 events."""
    async with hasty_server() as running:
        yield running


@pytest.fixture
async def hasty(short_histories: DevServer, tmp_path: Path) -> Stack:
    """A stack whose runs and keepers soon continue as new."""
    return await open_stack(short_histories.address, tmp_path)


@pytest.fixture(scope="session")
async def older_scheduler() -> AsyncIterator[DevServer]:
    """A server with the scheduler that clusters have by default; `rota dev` has the newer one."""
    async with dev_server(extra_config=OLDER_SCHEDULER) as running:
        yield running


@pytest.fixture(params=["server", "older_scheduler"])
def scheduler(request: pytest.FixtureRequest) -> DevServer:
    """One of the two, then the other: they tell different things of a schedule."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def scheduling(scheduler: DevServer, tmp_path: Path) -> Stack:
    """A stack on each of the two schedulers."""
    return await open_stack(scheduler.address, tmp_path)


HERE = Path(__file__).parent
SERVER_FIXTURES = {"server", "stack", "quick_clock", "short_histories", "scheduler"}
"""Whoever asks for one of these has a Temporal server started."""
SERVER_FOLDERS = {"examples", "fakes", "mcp", "processes", "stores", "workers"}
"""Tests below these start servers, fakes or programs even where neither fixture nor name says
so; those of the examples work through a month of an office's books."""
LONG_FOLDERS = {"docs", "examples", "monitoring", "processes"}
"""Tests below these take long: what is killed and started again, whole nights, whole pages, what
Prometheus sees of a fleet."""
SERVER_NAMES = {
    "dev_server",
    "hasty_server",
    "WorkflowEnvironment",
    "temporal_binary",
    "worker_process",
}
"""A test module that holds one of these starts a server or a program itself."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what needs no server of any kind first, and let `make fast` run that alone.

    Full sizes are left out of every run that does not name their marker, and what needs
    Prometheus where there is none.
    """
    named = str(config.option.markexpr)
    for marker, is_wanted in (("soak", "soak" in named), ("prometheus", prometheus_wanted(named))):
        if not is_wanted:
            left = [item for item in items if item.get_closest_marker(marker)]
            items[:] = [item for item in items if not item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=left)
    for item in items:
        if _needs_servers(item):
            item.add_marker("server")
    # Within the rest, what takes longest must not come last.
    items.sort(
        key=lambda item: (
            item.get_closest_marker("server") is not None,
            not LONG_FOLDERS & _folders(item),
        )
    )


def _needs_servers(item: pytest.Item) -> bool:
    return bool(
        SERVER_FIXTURES & set(getattr(item, "fixturenames", ()))
        or SERVER_FOLDERS & _folders(item)
        or _starts_servers(getattr(item, "module", None))
    )


def _folders(item: pytest.Item) -> set[str]:
    return set(item.path.relative_to(HERE).parts)


@functools.cache
def _starts_servers(module: ModuleType | None) -> bool:
    held = vars(module) if module else {}
    # A fake answers on a real socket.
    return bool(SERVER_NAMES & held.keys()) or any(
        str(getattr(each, "__module__", "")).startswith("tests.fakes.") for each in held.values()
    )


def pytest_collection_finish() -> None:
    """Take what lives as long as the session out of the collector's sight.

    A full collection walks every test there is. On a busy machine that took more than the
    two seconds a workflow task may last, so a workflow was taken for one that hangs. What
    collecting left behind is little: looking for it now would cost that second as well.
    """
    gc.freeze()
    gc.enable()
