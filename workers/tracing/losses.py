"""What a receiver of traces does not take is told seldom, in a line without addresses or headers.

The exporter's own lines come with each attempt, for as long as a receiver is gone, and show the
URL, which may hold a token. They are taken for the reason that they give, and go no further.
"""

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
QUEUE = "opentelemetry.sdk._shared_internal"
TELL_AGAIN_SECONDS = 600.0
"""A receiver that is gone for a night is told of some dozens of times, not each ten seconds."""
SLOW = "it did not take them in time"

log = logging.getLogger("rota.traces")


class Losses(logging.Filter):
    """Counts spans that were not taken by `receiver`, and says so now and then."""

    def __init__(self, receiver: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._receiver, self._clock = receiver, clock
        self._counting = threading.Lock()
        self._told: float | None = None
        self._lost = 0
        self._reason = SLOW

    def listen(self) -> None:
        """Take what the exporter and its queue log, before anybody else does."""
        for name in (EXPORTER, QUEUE):
            filters = logging.getLogger(name).filters
            filters[:] = [self, *(each for each in filters if not isinstance(each, Losses))]

    def filter(self, record: logging.LogRecord) -> bool:
        """Let only records pass whose meaning is unknown here."""
        if record.name == EXPORTER and record.levelno >= logging.WARNING:
            self._reason = _reason_in(record) or self._reason
            return False
        if record.name == QUEUE and str(record.msg).startswith("Queue full"):
            self.lost(1, "more is recorded than it takes")
            return False
        return True

    def sent(self) -> None:
        """The receiver has taken some."""
        with self._counting:
            lost, self._lost, self._told, self._reason = self._lost, 0, None, SLOW
        if lost:
            log.info("traces are received by %s again; %d spans are lost", self._receiver, lost)

    def lost(self, spans: int, reason: str = "") -> None:
        """It has not taken these, and will not be asked again."""
        now = self._clock()
        with self._counting:
            self._lost += spans
            if self._told is not None and now - self._told < TELL_AGAIN_SECONDS:
                return
            self._told, lost = now, self._lost
        log.warning(
            "traces are not received by %s: %s; %d spans are lost so far, and runs go on",
            *(self._receiver, reason or self._reason, lost),
        )


def _reason_in(record: logging.LogRecord) -> str:
    values: tuple[Any, ...] = record.args if isinstance(record.args, tuple) else ()
    for value in values:
        if isinstance(value, BaseException):
            return _first_cause(value)
    if "code: %s" in str(record.msg) and values[1] in set(HTTPStatus):
        code = HTTPStatus(values[1])
        # By far the most common mistake with an endpoint.
        hint = ", and /v1/traces is added to the endpoint's path" if code == 404 else ""
        return f"{code} {code.phrase}{hint}"
    return str(values[0])[:100] if str(record.msg).startswith("Transient") else ""


def _first_cause(error: BaseException) -> str:
    """What the operating system said; the words of libraries around it hold the URL."""
    deepest, known = error, set[int]()
    while (below := deepest.__cause__ or deepest.__context__) and id(below) not in known:
        known.add(id(below))
        deepest = below
    said = deepest.strerror if isinstance(deepest, OSError) else None
    return said or (SLOW if isinstance(deepest, TimeoutError) else type(deepest).__name__)
