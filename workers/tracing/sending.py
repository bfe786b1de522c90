"""Sends spans to an OTLP endpoint over HTTP, without what must not leave the process."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from activities.secrets import Secrets


class CleanExporter(SpanExporter):
    """Cuts out every secret that was given out in this process, whoever recorded the span.

    Libraries record spans too (MCP's does, and a fleet's own tools may). Where content is not
    asked for, what they note of exceptions goes: their texts are others' words.
    """

    def __init__(self, sends: SpanExporter, *, content: bool) -> None:
        self._sends = sends
        self._content = content

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them clean."""
        return self._sends.export([self._clean(span) for span in spans])

    def shutdown(self) -> None:
        """Send nothing more."""
        self._sends.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self._sends.force_flush(timeout_millis)

    def _clean(self, span: ReadableSpan) -> ReadableSpan:
        redact = Secrets().redact
        description = span.status.description if self._content else None
        return ReadableSpan(
            name=redact(span.name),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=_clean(span.attributes),
            events=[
                Event(redact(event.name), _clean(event.attributes), event.timestamp)
                for event in (span.events if self._content else ())
            ],
            links=span.links,
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=Status(span.status.status_code, description and redact(description)),
            start_time=span.start_time,
            end_time=span.end_time,
        )


def _clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: _redacted(value) for key, value in (attributes or {}).items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return Secrets().redact(value)
    if isinstance(value, tuple):
        return tuple(_redacted(each) for each in cast("tuple[Any, ...]", value))
    return value
