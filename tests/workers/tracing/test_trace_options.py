"""Which variables have a process record traces, and what is refused."""

import subprocess
import sys

import pytest

from workers.settings import SettingsError
from workers.tracing.options import TraceOptions, credentials, receiver, trace_options

HERE = "http://127.0.0.1:4318"
PARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
ON, QUIET = TraceOptions(content=True), TraceOptions(content=False)


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, QUIET),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{HERE}/v1/traces"}, QUIET),
        ({"ROTA_TRACES": "true"}, QUIET),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "ROTA_TRACES": "false"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_SDK_DISABLED": "true"}, None),
        ({"ROTA_TRACES": "1", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"ROTA_TRACES": "1", CONTENT: "true"}, ON),
        ({"ROTA_TRACES": "1", CONTENT: "SPAN_ONLY"}, ON),
        ({"ROTA_TRACES": "1", CONTENT: "NO_CONTENT"}, QUIET),
        ({"ROTA_TRACES": "1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, QUIET),
        ({"ROTA_TRACES": "1", "TRACEPARENT": PARENT}, TraceOptions(False, PARENT)),
    ],
)
def test_environment_says_whether_traces_are_recorded(
    environ: dict[str, str], options: TraceOptions | None
) -> None:
    """Off unless somebody names where to, or says so; off if OpenTelemetry is told to be."""
    assert trace_options(environ) == options


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"ROTA_TRACES": "perhaps"}, "ROTA_TRACES is 'perhaps': write true or false"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "tok3n@host:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host:port"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no"),
        ({"ROTA_TRACES": "1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTLP over HTTP alone"),
        ({"ROTA_TRACES": "1", CONTENT: "event_only"}, "write span_only or no_content"),
        ({"ROTA_TRACES": "1", HEADERS: "authorization Bearer tok3n"}, f"{HEADERS} is no list"),
        ({"ROTA_TRACES": "1", HEADERS: "a=b,Bearer: tok3n"}, f"{HEADERS} is no list"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(environ: dict[str, str], told: str) -> None:
    """Rather than traces that nobody gets; no URL is shown, which may hold a token."""
    with pytest.raises(SettingsError) as caught:
        trace_options(environ)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "tok3n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "http://localhost:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:tok3n@host/tok3n?t=tok3n"}, "https://host"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:9/x"}, "http://[::1]:9"),
    ],
)
def test_receiver_is_named_without_what_may_be_secret(environ: dict[str, str], told: str) -> None:
    """People put tokens into every other part of a URL."""
    assert receiver(environ) == told


def test_secrets_of_headers_are_known_as_such_and_names_are_not() -> None:
    """A tenant's name, cut out of everything, would spoil what agents read."""
    headers = "Authorization=Bearer%20tok3n, x-scope-orgid=warehouse,api-key = k3y"
    assert credentials({HEADERS: headers}) == ["Bearer tok3n", "k3y", "tok3n"]
    assert trace_options({"ROTA_TRACES": "1", HEADERS: headers}) == QUIET


def test_process_that_records_nothing_imports_nothing_for_it() -> None:
    """A worker's modules, in a fresh interpreter without the variables."""
    code = (
        "import sys, workers.cli.worker; from workers.tracing.switch import trace_plugins; "
        "assert trace_plugins({}, works=True) == (); "
        "assert trace_plugins({'ROTA_TRACES': '1'}, works=False) == (); "
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
