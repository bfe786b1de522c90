"""Whether this process records traces, and where it sends them: OpenTelemetry's own variables.

Read without OpenTelemetry, which is imported only if they say so: see `workers.tracing.switch`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from workers.settings import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
DEFAULT = "http://localhost:4318"
"""Where OpenTelemetry sends to if nothing is named."""
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[\x20-\x7e]*")
_SECRET = re.compile("auth|key|token|secret|passw|credential|honeycomb-team", re.IGNORECASE)
"""In the names of headers whose values are secret; a tenant's name stands in many texts."""
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
    for name in _HEADERS:
        if not all(map(_HEADER.fullmatch, _parts(environ.get(name, "")))):
            # Without the value, which OpenTelemetry itself would log.
            raise SettingsError(
                f"{name} is no list of headers: write name=value, several with commas between, a "
                "space in a value as %20 and a comma as %2C"
            )
    content = environ.get(CONTENT, "").strip().lower()
    if content not in (*_WITH_CONTENT, *_WITHOUT):
        raise SettingsError(f"{CONTENT} is '{content}': write span_only or no_content")
    return TraceOptions(content in _WITH_CONTENT, environ.get("TRACEPARENT", "").strip())


def receiver(environ: Mapping[str, str]) -> str:
    """Return whom traces are sent to: scheme, host and port, for the rest may hold a token."""
    named = (environ.get(name, "").strip() for name in (TRACES_ENDPOINT, ENDPOINT))
    parts = urlsplit(next(filter(None, named), DEFAULT))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def credentials(environ: Mapping[str, str]) -> list[str]:
    """Return the secret values of headers that go with traces, with and without their scheme."""
    headers = [part.partition("=") for each in _HEADERS for part in _parts(environ.get(each, ""))]
    values = [unquote(value).strip() for name, _, value in headers if _SECRET.search(name)]
    return [*values, *(value.partition(" ")[2].strip() for value in values if " " in value)]


def _parts(headers: str) -> list[str]:
    return [part.strip() for part in headers.split(",") if part.strip()]


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
