"""Records the spans of activities by OpenTelemetry, below the span of their run."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from activities.tracing import Set, Values

_W3C = TraceContextTextMapPropagator()
_HEADER = "traceparent"


class OtelRecorder:
    """`activities.tracing.Recorder` for one attempt at one activity."""

    def __init__(self, common: Values, *, content: bool) -> None:
        self._common = common
        self.content = content

    @contextmanager
    def span(self, name: str, attributes: Values, *, remote: bool) -> Generator[Set]:
        """As in the protocol; exceptions are not recorded with it: their texts are content."""
        kind = SpanKind.CLIENT if remote else SpanKind.INTERNAL
        with trace.get_tracer("rota").start_as_current_span(
            name,
            kind=kind,
            attributes={**self._common, **attributes},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def set(attributes: Values, *, failed: bool = False) -> None:
                span.set_attributes(attributes)
                if failed:
                    span.set_status(StatusCode.ERROR)

            yield set

    def place(self) -> str:
        """As in the protocol."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get(_HEADER, "")

    @contextmanager
    def at(self, place: str) -> Generator[None]:
        """As in the protocol."""
        token = context.attach(context_at(place))
        try:
            yield
        finally:
            context.detach(token)


def context_at(place: str) -> context.Context:
    """Return the context of a `traceparent`; an empty one if it is none."""
    carrier: Mapping[str, str] = {_HEADER: place} if place else {}
    return _W3C.extract(carrier, context.Context())
