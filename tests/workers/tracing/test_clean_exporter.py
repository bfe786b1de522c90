"""What leaves the process in a trace, whoever has recorded it."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from activities.secrets import Secrets
from workers.tracing.sending import CleanExporter

SECRET = "hidden-in-a-library"
TOLD = {"one": SECRET, "many": [f"a {SECRET}"], "number": 3}


@pytest.mark.parametrize("content", [False, True])
def test_span_of_a_library_leaves_without_secrets_and_unasked_words(content: bool) -> None:
    """Name, attributes, status and what it notes of an exception."""
    Secrets().keep_out(SECRET)
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(CleanExporter(kept, content=content)))
    tracer = provider.get_tracer("library")
    with (
        pytest.raises(ValueError, match="words"),
        tracer.start_as_current_span(f"call {SECRET}", attributes=TOLD),
    ):
        raise ValueError(f"words of others, {SECRET}")
    (sent,) = kept.get_finished_spans()
    told = sent.to_json()
    assert SECRET not in told
    assert ("words of others" in told) is content
    assert sent.name == "call [redacted]"
    assert sent.attributes == {"one": "[redacted]", "many": ("a [redacted]",), "number": 3}
    assert sent.status.status_code is StatusCode.ERROR
