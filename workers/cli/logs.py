"""A worker's log: one line per event on standard error, as text or as JSON.

Tracebacks become one field: a log with one event per line can be searched and shipped.
"""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import click
from temporalio import activity, workflow

from activities.secrets import Secrets
from workers.log_context import log_fields

LINE_LIMIT = 1000
"""Characters of a text line: Temporal's core puts whole stack traces into one message."""


class TextLines(logging.Formatter):
    """`2026-11-22T06:00:00.123Z INFO rota.worker serving rota`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        text = f"{_time_of(record)} {record.levelname} {record.name} {record.getMessage()}"
        error = _error_of(record)
        # Before it is cut: of a secret that the cut goes through, a part would remain.
        line = Secrets().redact(" ".join((f"{text} · {error}" if error else text).split()))
        return line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]}…"


class JsonLines(logging.Formatter):
    """One JSON object per event: time, level, logger, message, and error if there is one.

    Beside these whatever is known of the work it belongs to: run, agent, slot, turn, activity,
    attempt, trace_id, span_id; `workflow` of what is no run's.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        event = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message_of(record),
            **log_fields(),
        }
        if error := _error_of(record):
            event["error"] = error
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


class _StandardError(logging.StreamHandler[TextIO]):
    """Shows no secret that was given out in this process, whoever logs it."""

    def format(self, record: logging.LogRecord) -> str:
        return Secrets().redact(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: whoever reads standard error is gone, and there is no other place."""


def log_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--log-format` and `--log-level`, handed over as `log_format` and `log_level`."""
    level = click.option(
        "--log-level",
        default="INFO",
        show_default=True,
        type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    )
    form = click.option(
        "--log-format",
        default="text",
        show_default=True,
        type=click.Choice(["text", "json"]),
        help="One line of text for each event, or one JSON object.",
    )
    return form(level(function))


def log_to_stderr(level: str, *, as_json: bool) -> None:
    """Send the log of the whole process to standard error."""
    # JSON has it as fields; in text the words are all there is.
    workflow.logger.workflow_info_on_message = not as_json
    activity.logger.activity_info_on_message = not as_json
    handler = _StandardError(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It logs every URL it asks, and that of a webhook is a secret.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _time_of(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - whatever a library has given it to show
        return f"{record.msg} (its arguments do not fit: {type(error).__name__})"


def _error_of(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return f"{type(error).__name__}: {error}" if error else ""
