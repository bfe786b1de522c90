"""What leaves the process in a trace, whoever has recorded it."""

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, StatusCode

from activities.secrets import Secrets
from workers.tracing.sending import CleanExporter

SECRET = "hidden-in-a-library"
TOLD: dict[str, Any] = {
    "one": SECRET,
    "many": [f"a {SECRET}"],
    "number": 3,
    "deep": {"er": [SECRET]},
    "raw": SECRET.encode() + b"\xff",
}


@pytest.mark.parametrize("content", [False, True])
def test_span_of_a_library_leaves_without_secrets_and_unasked_words(content: bool) -> None:
    """Name, attributes, links, resource, status and what it notes of an exception."""
    Secrets().keep_out(SECRET)
    kept = InMemorySpanExporter()
    resource = Resource({"service.name": "rota", "token": SECRET})
    provider = TracerProvider(shutdown_on_exit=False, resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(CleanExporter(kept, content=content)))
    tracer = provider.get_tracer("library")
    link = Link(SpanContext(trace_id=1, span_id=2, is_remote=True), {"why": SECRET})
    with (
        pytest.raises(ValueError, match="words"),
        tracer.start_as_current_span(f"call {SECRET}", attributes=TOLD, links=[link]),
    ):
        raise ValueError(f"words of others, {SECRET}")
    (sent,) = kept.get_finished_spans()
    told = str([event.attributes for event in sent.events]) + str(sent.status.description)
    assert SECRET not in told
    assert ("words of others" in told) is content
    assert sent.name == "call [redacted]"
    assert sent.attributes == {
        "one": "[redacted]",
        "many": ("a [redacted]",),
        "number": 3,
        "deep": {"er": ("[redacted]",)},
        "raw": b"[redacted]\xff",
    }
    assert sent.resource.attributes == {"service.name": "rota", "token": "[redacted]"}
    assert [link.attributes for link in sent.links] == [{"why": "[redacted]"}]
    assert sent.status.status_code is StatusCode.ERROR
