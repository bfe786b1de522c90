"""A receiver that takes no traces is told of, seldom and without its address's secrets."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest
from workers.devserver import free_port
from workers.settings import SettingsError
from workers.tracing import plugin
from workers.tracing.losses import EXPORTER, QUEUE, SLOW, TELL_AGAIN_SECONDS, Losses
from workers.tracing.options import TraceOptions
from workers.tracing.sending import CleanExporter

AT = SpanContext(trace_id=1, span_id=2, is_remote=False)
SPANS = [ReadableSpan("chat m", context=AT, start_time=1, end_time=2)] * 3


class Refusing(LoopbackFake):
    """Answers each request with `status`."""

    part = "a receiver that refuses"
    status = 404

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        await connection.send(self.status, b"tok3n", {})


class Clock:
    """Time that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The exporter tries again without waiting; what listens to its log is put back."""
    monkeypatch.setattr("random.uniform", lambda *_: 0.001)
    before = {name: logging.getLogger(name).filters[:] for name in (EXPORTER, QUEUE)}
    yield
    for name, filters in before.items():
        logging.getLogger(name).filters[:] = filters


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged since the last time, by whomever."""
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def sender(url: str, clock: Clock) -> CleanExporter:
    """The real exporter, in front of `url`."""
    losses = Losses("https://receiver", clock)
    losses.listen()
    return CleanExporter(OTLPSpanExporter(url), content=False, losses=losses)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "401 Unauthorized"),
        (404, "404 Not Found, and /v1/traces is added to the endpoint's path"),
        (503, "Status"),
    ],
)
def test_refusal_is_told_once_by_its_reason(
    status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried; the exporter's own lines are not in the log."""
    caplog.set_level("INFO")
    with Refusing() as receiver:
        receiver.status = status
        exporter = sender(f"{receiver.url}/tok3n", Clock())
        exporter.export(SPANS)
        exporter.export(SPANS)
    lost = f"traces are not received by https://receiver: {reason}; 3 spans are lost so far, and"
    assert told(caplog) == [f"{lost} runs go on"]


def test_receiver_that_is_gone_is_told_seldom_and_its_return_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With how many were lost meanwhile."""
    caplog.set_level("INFO")
    clock = Clock()
    exporter = sender(f"http://user:tok3n@127.0.0.1:{free_port()}/tok3n", clock)
    exporter.export(SPANS)
    clock.now = TELL_AGAIN_SECONDS - 1
    exporter.export(SPANS)
    clock.now = TELL_AGAIN_SECONDS
    exporter.export(SPANS)
    lines = told(caplog)
    assert ["3 spans" in lines[0], "9 spans" in lines[1], len(lines)] == [True, True, 2]
    assert all("Connection refused" in line and "tok3n" not in line for line in lines)
    with Refusing() as receiver:
        receiver.status = 200
        back = CleanExporter(OTLPSpanExporter(receiver.url), content=False, losses=exporter.losses)
        back.export(SPANS)
        back.export(SPANS)
    assert told(caplog) == ["traces are received by https://receiver again; 9 spans are lost"]


def test_queue_that_is_full_is_told_as_a_loss(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK's own line comes three times a minute; all else that it says is let through."""
    losses = Losses("https://receiver", Clock())
    losses.listen()
    queue = logging.getLogger(QUEUE)
    queue.warning("Queue full, dropping %s.", "Span")
    queue.warning("Queue full, dropping %s.", "Span")
    queue.warning("something else")
    first, second = told(caplog)
    assert "more is recorded than it takes; 1 spans" in first
    assert second == "something else"


def test_end_does_not_wait_for_a_receiver_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK's flush would, for each batch that waits."""
    hangs = threading.Event()

    class Hanging(ReplaySafeTracerProvider):
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return hangs.wait(30)

    made: Any = create_tracer_provider(shutdown_on_exit=False)
    made.__class__ = Hanging
    monkeypatch.setattr(plugin.trace, "get_tracer_provider", lambda: made)
    monkeypatch.setattr(plugin, "FLUSH_SECONDS", 0.01)
    plugin.send_rest()
    hangs.set()
    (line,) = told(caplog)
    assert "has not taken the last traces in 0.01 s" in line


def test_variable_that_the_exporter_refuses_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rather than as a bug of ours."""
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")
    with pytest.raises(SettingsError, match="max_export_batch_size"):
        plugin.provider_with(TraceOptions(content=False))


def test_reason_is_forgotten_once_traces_are_taken(caplog: pytest.LogCaptureFixture) -> None:
    """A later loss is not told by it."""
    losses = Losses("https://receiver", Clock())
    losses.lost(1, "an old reason")
    losses.sent()
    losses.lost(1)
    assert SLOW in told(caplog)[-1]
