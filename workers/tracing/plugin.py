"""The plugin that records traces: the SDK's own, our spans, and the way out of the process.

One for each connection, the provider once per process: OpenTelemetry knows no more than one.
"""

import os

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.contrib.opentelemetry import (
    OpenTelemetryInterceptor,
    OpenTelemetryPlugin,
    ReplaySafeTracerProvider,
    create_tracer_provider,
)

from workers.tracing.options import TraceOptions
from workers.tracing.recorder import context_at
from workers.tracing.run_spans import RunSpans
from workers.tracing.sending import CleanExporter

FLUSH_MILLISECONDS = 5000
"""How long a process that ends may take to send what it has recorded; the exporter may try on for
as long as its own timeout, 10 s by default."""


class TracePlugin(OpenTelemetryPlugin):
    """Give it to `Client.connect` after `RotaPlugin`.

    Without the SDK's spans of its own calls: they are in the history, step by step, and a
    keeper's would last for months.
    """

    def __init__(self, options: TraceOptions) -> None:
        super().__init__(add_temporal_spans=False)
        self.interceptors = [OpenTelemetryInterceptor(), RunSpans(content=options.content)]


def trace_plugin(options: TraceOptions) -> TracePlugin:
    """Return the plugin; the first call has the process record and send from now on."""
    if not isinstance(trace.get_tracer_provider(), ReplaySafeTracerProvider):
        trace.set_tracer_provider(provider_with(options))
    if options.parent:
        # What this process starts belongs to the trace of whoever started it.
        context.attach(context_at(options.parent))
    return TracePlugin(options)


def provider_with(options: TraceOptions) -> ReplaySafeTracerProvider:
    """Return a provider that sends where OpenTelemetry's variables say."""
    named: dict[str, str] = {}
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "OTEL_SERVICE_NAME" not in os.environ and "service.name=" not in attributes:
        named["service.name"] = "rota"
    provider = create_tracer_provider(resource=Resource.create(named))
    exporter = CleanExporter(OTLPSpanExporter(), content=options.content)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def send_rest() -> None:
    """Send what has been recorded, if the receiver takes it within `FLUSH_MILLISECONDS`."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, ReplaySafeTracerProvider):
        provider.force_flush(FLUSH_MILLISECONDS)
