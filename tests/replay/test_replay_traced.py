"""Recorded histories take the same decisions whether traces are recorded or not."""

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

from tests.replay.test_replay import CORPUS, failure_of
from workers.tracing.options import TraceOptions
from workers.tracing.plugin import TracePlugin


async def test_recorded_histories_replay_alike_with_traces_and_send_none() -> None:
    """The plugin adds headers to commands, which no replay compares, and no command."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, ReplaySafeTracerProvider):
        provider = create_tracer_provider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    sent = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(sent))
    for recording in CORPUS:
        failure = await failure_of(recording, TracePlugin(TraceOptions(content=False)))
        if failure is not None:
            assert str(failure) == str(await failure_of(recording)), recording
    assert sent.get_finished_spans() == ()
