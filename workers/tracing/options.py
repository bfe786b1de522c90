"""Whether this process records traces, and where it sends them: OpenTelemetry's own variables.

A process that records none imports nothing of OpenTelemetry's SDK, and pays nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from temporalio.client import Plugin

from workers.settings import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_WITH_CONTENT = ("true", "1", "span_only", "span_and_event")
_WITHOUT = ("", "false", "0", "no_content")


@dataclass(frozen=True)
class TraceOptions:
    """How traces are recorded."""

    content: bool
    """Whether words are recorded too."""
    parent: str = ""
    """W3C's `traceparent` of who started this process, such as a job of CI."""


def trace_options(environ: Mapping[str, str]) -> TraceOptions | None:
    """Return how to record; None if nothing is recorded.

    Raises:
        SettingsError: a variable cannot be read, or asks for what there is not.
    """
    if not _is_on(environ):
        return None
    for name in (TRACES_ENDPOINT, ENDPOINT):
        _check_endpoint(name, environ.get(name, "").strip())
    for name in _PROTOCOLS:
        protocol = environ.get(name, "").strip().lower()
        if protocol not in ("", "http/protobuf"):
            raise SettingsError(
                f"{name} is '{protocol}': traces are sent by OTLP over HTTP alone; write "
                "http/protobuf, and the endpoint's port for HTTP (4318 by custom)"
            )
    content = environ.get(CONTENT, "").strip().lower()
    if content not in (*_WITH_CONTENT, *_WITHOUT):
        raise SettingsError(f"{CONTENT} is '{content}': write span_only or no_content")
    return TraceOptions(content in _WITH_CONTENT, environ.get("TRACEPARENT", "").strip())


def trace_plugins(environ: Mapping[str, str], *, works: bool) -> Sequence[Plugin]:
    """Return what a client needs for traces; a process that records none imports nothing.

    Args:
        environ: The process's environment.
        works: It runs workers. Whatever else starts runs hands its own place in a trace on,
            if it has been given one.

    Raises:
        SettingsError: as `trace_options`.
    """
    options = trace_options(environ)
    if options is None or not (works or options.parent):
        return ()
    from workers.tracing.plugin import trace_plugin  # noqa: PLC0415 - half a second

    return (trace_plugin(options),)


async def traces_sent(environ: Mapping[str, str]) -> None:
    """Send what this process has recorded; at its end, once its workers have stopped."""
    if trace_options(environ) is None:
        return
    from workers.tracing.plugin import send_rest  # noqa: PLC0415 - as above

    await asyncio.to_thread(send_rest)


def _is_on(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    said = environ.get("ROTA_TRACES", "").strip().lower()
    if said in _OFF:
        return False
    if said and said not in _ON:
        raise SettingsError(f"ROTA_TRACES is '{said}': write true or false")
    named = (environ.get(name, "").strip() for name in (ENDPOINT, TRACES_ENDPOINT))
    return bool(said) or any(named)


def _check_endpoint(name: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in ("http", "https") or not parts.hostname
        _ = parts.port
    except ValueError:
        bad = True
    if bad:
        # Without the value: people put tokens into URLs.
        raise SettingsError(f"{name} is no URL: write for example http://127.0.0.1:4318")
