"""A worker's log lines."""

import json
import logging

import pytest

from activities.secrets import Secrets
from workers.cli.logs import LINE_LIMIT, JsonLines, TextLines, log_to_stderr


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    """An event, logged while `error` was being handled."""
    info = (type(error), error, None) if error else None
    made = logging.LogRecord("rota.x", logging.INFO, "", 0, message, None, info)
    made.created = 1_763_791_200.5
    return made


def test_text_event_with_line_feeds_and_an_error_is_one_line() -> None:
    """One event, one line, whatever is in it."""
    line = TextLines().format(record("a\nb", ValueError("c\nd")))
    assert line == "2025-11-22T06:00:00.500Z INFO rota.x a b · ValueError: c d"


def test_secret_of_several_lines_is_cut_out_of_a_text_line() -> None:
    """A key in PEM, which the line folds; and one that the limit of a line would cut in two."""
    Secrets().keep_out("-----BEGIN\nhush-hush\nEND-----")
    assert "hush" not in TextLines().format(record("with -----BEGIN\nhush-hush\nEND----- in it"))
    Secrets().keep_out("hush" * 10)
    assert "hush" not in TextLines().format(record("x" * (LINE_LIMIT - 60) + "hush" * 10))


def test_text_event_is_cut_at_its_limit() -> None:
    """A stack trace in a message does not drown the log."""
    assert len(TextLines().format(record("x" * 5000))) == LINE_LIMIT + 1


def test_json_event_is_one_line_with_its_fields() -> None:
    """Each line parses by itself."""
    line = JsonLines().format(record('say "ä"\n', ValueError("c")))
    assert "\n" not in line
    event = json.loads(line)
    assert (event["level"], event["logger"]) == ("INFO", "rota.x")
    assert (event["message"], event["error"]) == ('say "ä"\n', "ValueError: c")


@pytest.mark.parametrize("as_json", [True, False])
def test_secret_is_cut_out_of_every_line(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Libraries log what they raise, too: messages, errors and tracebacks."""
    monkeypatch.setenv("ROTA_TEST_KEY", 'hush-"hush"-key')
    key = Secrets()("env:ROTA_TEST_KEY")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        log_to_stderr("INFO", as_json=as_json)
        logging.getLogger("library").error("sent %s", key, exc_info=ValueError(key))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    line = capsys.readouterr().err
    assert "sent [redacted]" in line
    assert "hush" not in line
