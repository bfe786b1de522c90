"""The job services that runtimes are tried on, and the runtimes with their keys."""

from collections.abc import AsyncGenerator

import pytest

from activities.runtimes.http import HttpRuntime
from activities.runtimes.n8n import N8nRuntime
from activities.secrets import Secrets
from tests.contract.http_bench import HttpBench
from tests.contract.n8n_bench import N8nBench


@pytest.fixture
async def http_bench() -> AsyncGenerator[HttpBench]:
    """The service that is polled."""
    async with HttpBench() as bench:
        yield bench


@pytest.fixture
async def http_runtime(
    http_bench: HttpBench, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[HttpRuntime]:
    """A runtime with the service's token."""
    for name, value in http_bench.environment.items():
        monkeypatch.setenv(name, value)
    runtime = HttpRuntime(Secrets())
    yield runtime
    await runtime.aclose()


@pytest.fixture
async def n8n_bench() -> AsyncGenerator[N8nBench]:
    """The instance."""
    async with N8nBench() as bench:
        yield bench


@pytest.fixture
async def n8n_runtime(
    n8n_bench: N8nBench, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[N8nRuntime]:
    """A runtime with the instance's API key."""
    for name, value in n8n_bench.environment.items():
        monkeypatch.setenv(name, value)
    runtime = N8nRuntime(Secrets())
    yield runtime
    await runtime.aclose()
