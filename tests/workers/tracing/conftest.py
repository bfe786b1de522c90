"""What tests of traces start from: one receiver for all, since a process knows one provider."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider
from temporalio.worker import Worker

import workers.worker
from tests.encrypted import encrypted_fleet, key
from tests.fakes.otlp_receiver import PATH, OtlpReceiver
from tests.stack import Stack, open_stack
from tests.workers.conftest import FiledServer
from workers.connection import connect
from workers.settings import Settings
from workers.tracing.sending import CleanExporter

KEY = key(33)
Sent = Callable[[], Awaitable[None]]


@pytest.fixture(scope="session")
def receiver() -> Iterator[OtlpReceiver]:
    """Where this process sends its traces."""
    with OtlpReceiver() as running:
        provider = trace.get_tracer_provider()
        if isinstance(provider, ReplaySafeTracerProvider):  # another test's
            sends = CleanExporter(OTLPSpanExporter(f"{running.url}{PATH}"), content=False)
            provider.add_span_processor(BatchSpanProcessor(sends))
        yield running


@pytest.fixture
async def traced(stack: Stack, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose worker records traces."""
    return await _recording(stack, receiver, monkeypatch)


@pytest.fixture
async def traced_hasty(
    hasty: Stack, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> Stack:
    """The same, with runs that soon continue as new."""
    return await _recording(hasty, receiver, monkeypatch)


@pytest.fixture
async def traced_sealed(
    filed: FiledServer, tmp_path: Path, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> Stack:
    """The same, of a strict fleet with a key."""
    encrypted_fleet(tmp_path, KEY)
    return await _recording(await open_stack(filed.address, tmp_path), receiver, monkeypatch)


async def _recording(
    stack: Stack, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> Stack:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    settings = Settings.read(stack.folder, store=stack.store.address, address=stack.address)
    stack.client = await connect(settings, stack.store, works=True)
    return stack


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers keep no run in memory: each of its tasks replays it from the beginning."""
    worker = functools.partial(Worker, max_cached_workflows=0)
    monkeypatch.setattr(workers.worker, "Worker", worker)


@pytest.fixture
def sent() -> Sent:
    """Waits until what was recorded so far has been received."""

    async def flush() -> None:
        provider = trace.get_tracer_provider()
        assert isinstance(provider, ReplaySafeTracerProvider)
        assert await asyncio.to_thread(provider.force_flush)

    return flush
