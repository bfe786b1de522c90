"""A receiver of traces by OTLP over HTTP, strict: what the protocol forbids, it refuses and notes.

It reads protobuf with the classes of the protocol's own package, not with the sender's code.
"""

import gzip
from collections import Counter
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest

PATH = "/v1/traces"
KINDS = {
    WireSpan.SPAN_KIND_INTERNAL: "internal",
    WireSpan.SPAN_KIND_CLIENT: "client",
    # Of servers that stand in this process for others; what Rota records has the first two.
    WireSpan.SPAN_KIND_SERVER: "server",
    WireSpan.SPAN_KIND_PRODUCER: "producer",
    WireSpan.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass(frozen=True)
class Received:
    """One span."""

    trace: str
    id: str
    parent: str
    """Empty of a root."""
    name: str
    kind: str
    attributes: dict[str, Any]
    is_error: bool
    status: str
    events: int
    start: int
    end: int


class OtlpReceiver(LoopbackFake):
    """The receiver, on a free loopback port."""

    part = "the receiver of traces"

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Received] = []
        self.bodies: list[bytes] = []
        self.problems: list[str] = []

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        problem = _wrong(request)
        if not problem:
            problem = self._take(request)
        if problem:
            self.problems.append(problem)
            await connection.send(400, b"", {})
            return
        answer = ExportTraceServiceResponse().SerializeToString()
        await connection.send(200, answer, {"content-type": "application/x-protobuf"})

    def _take(self, request: HttpRequest) -> str:
        zipped = request.headers.get("content-encoding") == "gzip"
        body = gzip.decompress(request.body) if zipped else request.body
        told = ExportTraceServiceRequest()
        try:
            told.ParseFromString(body)
        except DecodeError as error:
            return f"no ExportTraceServiceRequest: {error}"
        taken: list[Received] = []
        for resource in told.resource_spans:
            if not _values(resource.resource.attributes).get("service.name"):
                return "a resource has no service.name"
            for scope in resource.scope_spans:
                for span in scope.spans:
                    if problem := _unfit(span):
                        return f"{span.name}: {problem}"
                    taken.append(_read(span))
        self.spans += taken
        self.bodies.append(body)
        return ""

    def of(self, *roots: str) -> list[Received]:
        """The spans of the traces in which these runs are."""
        traces = {s.trace for s in self.spans if s.attributes.get("rota.run") in roots}
        return [span for span in self.spans if span.trace in traces]

    def tree(self, *roots: str) -> list[str]:
        """The spans of these runs' traces, one line each, indented; siblings as they began."""
        spans = self.of(*roots)
        return [line for root in _below(spans, "") for line in _lines(spans, root, "")]

    def twice(self) -> list[str]:
        """Spans that came more than once."""
        counts = Counter((span.trace, span.id, span.name) for span in self.spans)
        return [name for (_, _, name), count in counts.items() if count > 1]


def _below(spans: list[Received], parent: str) -> list[Received]:
    found = (span for span in spans if span.parent == parent)
    return sorted(found, key=lambda span: (span.start, span.name))


def _lines(spans: list[Received], span: Received, indent: str) -> list[str]:
    lines = [indent + span.name]
    for below in _below(spans, span.id):
        lines += _lines(spans, below, indent + "  ")
    return lines


def _wrong(request: HttpRequest) -> str:
    if (request.method, request.path) != ("POST", PATH):
        return f"{request.method} {request.path}: only POST {PATH} is here"
    if request.headers.get("content-type") != "application/x-protobuf":
        return f"content-type {request.headers.get('content-type')}"
    return ""


def _unfit(span: WireSpan) -> str:
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "no trace id"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "no span id"
    if span.parent_span_id and len(span.parent_span_id) != 8:
        return "no parent's id"
    if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
        return "it ends before it begins"
    if span.kind not in KINDS or not span.name:
        return "no kind or name"
    keys = [each.key for each in span.attributes]
    return "an attribute is there twice" if len(keys) != len(set(keys)) else ""


def _read(span: WireSpan) -> Received:
    return Received(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=KINDS[span.kind],
        attributes=_values(span.attributes),
        is_error=span.status.code == 2,
        status=span.status.message,
        events=len(span.events),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
    )


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    assert kind is not None
    return getattr(value, kind)
