"""Sends spans to an OTLP endpoint over HTTP, without what must not leave the process."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

from activities.secrets import Secrets
from workers.tracing.losses import Losses


class CleanExporter(SpanExporter):
    """Cuts out every secret that was given out in this process, whoever recorded the span.

    Libraries record spans too (MCP's does, and a fleet's own tools may). Where content is not
    asked for, what they note of exceptions goes: their texts are others' words.
    """

    def __init__(self, sends: SpanExporter, *, content: bool, losses: Losses | None = None) -> None:
        self._sends = sends
        self._content = content
        self.losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them clean."""
        result = self._sends.export([self._clean(span) for span in spans])
        if self.losses is None:
            return result
        if result is SpanExportResult.SUCCESS:
            self.losses.sent()
        else:
            self.losses.lost(len(spans))
        return result

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
            resource=Resource(_clean(span.resource.attributes), span.resource.schema_url),
            attributes=_clean(span.attributes),
            events=[
                Event(redact(event.name), _clean(event.attributes), event.timestamp)
                for event in (span.events if self._content else ())
            ],
            links=[Link(link.context, _clean(link.attributes)) for link in span.links],
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=Status(span.status.status_code, description and redact(description)),
            start_time=span.start_time,
            end_time=span.end_time,
        )


def _clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: _redacted(value) for key, value in (attributes or {}).items()}


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return Secrets().redact(value)
        case bytes():
            return (
                Secrets()
                .redact(value.decode(errors="surrogateescape"))
                .encode(errors="surrogateescape")
            )
        case Mapping():
            known = cast("Mapping[str, Any]", value)
            return {key: _redacted(each) for key, each in known.items()}
        case list() | tuple():
            return tuple(_redacted(each) for each in cast("Sequence[Any]", value))
        case _:
            return value
