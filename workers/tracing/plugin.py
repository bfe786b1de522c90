"""The plugin that records traces: the SDK's own, our spans, and the way out of the process.

One for each connection, the provider once per process: OpenTelemetry knows no more than one.
"""

import logging
import os
import threading

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

from activities.secrets import Secrets
from workers.settings import SettingsError
from workers.tracing.losses import Losses
from workers.tracing.options import TraceOptions, credentials, receiver
from workers.tracing.recorder import context_at
from workers.tracing.run_spans import RunSpans
from workers.tracing.sending import CleanExporter

FLUSH_SECONDS = 5.0
"""How long a process that ends may take to send what it has recorded. The SDK's own flush takes
the exporter's timeout for each 512 spans, which supervisors would not wait for."""

log = logging.getLogger("rota.traces")


class TracePlugin(OpenTelemetryPlugin):
    """Give it to `Client.connect` after `RotaPlugin`.

    Without the SDK's spans of its own calls: they are in the history, step by step, and a
    keeper's would last for months.
    """

    def __init__(self, options: TraceOptions) -> None:
        super().__init__(add_temporal_spans=False)
        self.interceptors = [OpenTelemetryInterceptor(), RunSpans(content=options.content)]


def trace_plugin(options: TraceOptions) -> TracePlugin:
    """Return the plugin; the first call has the process record and send from now on.

    Raises:
        SettingsError: one of OpenTelemetry's variables cannot be used.
    """
    if not isinstance(trace.get_tracer_provider(), ReplaySafeTracerProvider):
        trace.set_tracer_provider(provider_with(options))
    if options.parent:
        # What this process starts belongs to the trace of whoever started it.
        context.attach(context_at(options.parent))
    return TracePlugin(options)


def provider_with(options: TraceOptions) -> ReplaySafeTracerProvider:
    """Return a provider that sends where OpenTelemetry's variables say.

    Raises:
        SettingsError: one of them cannot be used.
    """
    for value in credentials(os.environ):
        Secrets().keep_out(value)
    losses = Losses(receiver(os.environ))
    losses.listen()
    named: dict[str, str] = {}
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "OTEL_SERVICE_NAME" not in os.environ and "service.name=" not in attributes:
        named["service.name"] = "rota"
    provider = create_tracer_provider(resource=Resource.create(named))
    try:
        exporter = CleanExporter(OTLPSpanExporter(), content=options.content, losses=losses)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError as error:
        raise SettingsError(f"OTEL_EXPORTER_OTLP_* or OTEL_BSP_*: {error}") from error
    return provider


def send_rest() -> None:
    """Send what has been recorded, if the receiver takes it within `FLUSH_SECONDS`."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, ReplaySafeTracerProvider):
        return
    # In a thread that nobody waits for at the end: the flush knows no limit of its own.
    sending = threading.Thread(target=provider.force_flush, name="last traces", daemon=True)
    sending.start()
    sending.join(FLUSH_SECONDS)
    if sending.is_alive():
        where = receiver(os.environ)
        log.warning("%s has not taken the last traces in %g s: lost", where, FLUSH_SECONDS)
