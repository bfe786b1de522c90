"""Secrets by reference, and their removal from text and logs."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.secrets import REDACTED, Secrets, _Given
from rota.conversation import Message, Text
from rota.usage import Usage

VALUE = 'p"ss\\wörd\n-42'


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """Secrets that have given out VALUE."""
    monkeypatch.setenv("ROTA_TEST_SECRET", VALUE)
    found = Secrets()
    assert found("env:ROTA_TEST_SECRET") == VALUE
    return found


def test_secret_of_a_file_is_its_text_without_the_line_end(tmp_path: Path) -> None:
    """Editors end files with a line feed; keys have none."""
    path = tmp_path / "key"
    path.write_text("abc\n")
    assert Secrets()(f"file:{path}") == "abc"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:ROTA_TEST_NOT_SET", "the worker's environment has no ROTA_TEST_NOT_SET"),
        ("file:/no/such/file", "secret file:/no/such/file: No such file"),
        ("file:{empty}", "the file is empty"),
        ("file:{folder}", "Is a directory"),
        ("file:{binary}", "not text"),
        ("env:", "is not a secret reference"),
        ("vault:x", "write env:NAME or file:/path"),
    ],
)
def test_secret_that_is_not_there_is_named_by_reference(
    tmp_path: Path, reference: str, words: str
) -> None:
    """The message says where it was looked for, and what to write instead."""
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    places = {name: str(tmp_path / name) for name in ("empty", "binary")}
    with pytest.raises(LookupError, match=words):
        Secrets()(reference.format(folder=tmp_path, **places))


def test_missing_variable_is_said_to_be_missing_where_it_was_looked_for() -> None:
    """A gateway or a command is no worker."""
    with pytest.raises(LookupError, match=": this environment has no ROTA_TEST_NOT_SET"):
        Secrets("this environment")("env:ROTA_TEST_NOT_SET")


def test_secret_written_where_a_reference_belongs_is_not_repeated() -> None:
    """Somebody pasted the key itself: at most its first letters are shown."""
    with pytest.raises(LookupError) as caught:
        Secrets()("sk-ant-api03-secret-secret")
    assert "secret-secret" not in str(caught.value)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_redact_finds_a_secret_in_json(secrets: Secrets, ascii_only: bool) -> None:
    """A tool's result is JSON, where quotes and umlauts may be escaped."""
    text = json.dumps({"token": f"<{VALUE}>"}, ensure_ascii=ascii_only)
    assert json.loads(secrets.redact(text)) == {"token": f"<{REDACTED}>"}


def give_out(value: str) -> None:
    """Let another call resolve `value`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ROTA_TEST_SECRET", value)
        Secrets()("env:ROTA_TEST_SECRET")


@given(before=st.text(), after=st.text())
def test_redact_leaves_no_copy(before: str, after: str) -> None:
    """Wherever the value stands, it is gone."""
    give_out("s3cret")
    assert "s3cret" not in Secrets().redact(f"{before}s3cret{after}s3cret")


def test_redact_prefers_the_longer_of_two_secrets() -> None:
    """One secret may begin with another; nothing of the longer one may remain."""
    give_out("begin-of-it")
    give_out("begin-of-it-and-more")
    assert Secrets().redact("begin-of-it-and-more") == REDACTED


def test_redact_knows_what_another_call_was_given() -> None:
    """A value comes back in another tool's words, by way of a file or a library."""
    others = Secrets()
    give_out("t0ken-of-another-call")
    assert others.redact("used t0ken-of-another-call") == f"used {REDACTED}"


def test_redact_finds_a_value_without_the_space_around_it() -> None:
    """A runtime strips the key it was given, and sends and shows it so."""
    give_out(" stripped-key\n")
    assert Secrets().redact("<stripped-key>") == f"<{REDACTED}>"


def test_redact_leaves_short_values_in_place() -> None:
    """A flag that is 1 would cut every 1 out of every tool's results."""
    give_out("12345")
    assert Secrets().redact('{"sum": 12345}') == '{"sum": 12345}'


def test_redact_leaves_a_document_of_json_one() -> None:
    """A secret of digits may equal a number: what people wrote beside it is still to be read."""
    give_out("86420975")
    text = '{"sum": 86420975, "of": "86420975 and 1"}'
    left = {"sum": REDACTED, "of": f"{REDACTED} and 1"}
    assert json.loads(Secrets().redact(text)) == left
    assert Secrets().redact("sum: 86420975") == f"sum: {REDACTED}"


def test_values_given_out_long_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that are replaced each hour do not add up; one that is still in use stays."""
    monkeypatch.setattr("activities.secrets._GIVEN", _Given())
    monkeypatch.setattr("activities.secrets.MOST_VALUES", 3)
    for value in ("kept-in-use", "token-1", "token-2", "kept-in-use", "token-3", "token-4"):
        give_out(value)
    told = "kept-in-use token-1 token-2 token-3 token-4"
    assert Secrets().redact(told) == f"{REDACTED} token-1 token-2 {REDACTED} {REDACTED}"


def test_value_that_made_room_while_it_was_given_out_again_is_looked_for() -> None:
    """Tools resolve secrets in threads: one may be forgotten between two steps of another."""
    known = _Given()
    known.add("given-out-again")

    class Meanwhile:
        def __enter__(self) -> None:
            known._values.clear()
            known._remember()

        def __exit__(self, *_: object) -> None:
            pass

    known._adding = Meanwhile()  # pyright: ignore[reportAttributeAccessIssue]
    known.add("given-out-again")
    assert "given-out-again" in {form.plain for form in known.forms}


def test_record_is_cut_value_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as its JSON: a secret like a number, a field's name or a role leaves these alone."""
    monkeypatch.setattr("activities.secrets._GIVEN", _Given())
    for value in ("123456", "content", "p4ssword", "assistant"):
        give_out(value)
    text = Text(text="p4ssword 123456")
    message = Message(role="assistant", content=(text, Text(text="as it was")))
    cut = Secrets().cut_out(message)
    assert cut.role == "assistant"
    assert cut.content == (Text(text=f"{REDACTED} {REDACTED}"), Text(text="as it was"))
    usage = Usage(input_tokens=123456)
    assert Secrets().cut_out(usage) is usage


def test_logger_cuts_secrets_out_of_words_arguments_and_tracebacks(
    secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever way a tool logs the value, no handler sees it."""
    log = secrets.logger(logging.getLogger("rota.tools"), "vault.read")
    try:
        raise KeyError(VALUE)
    except KeyError:
        log.exception(f"{VALUE} and %s", VALUE)  # noqa: G004 - tools do so
    assert caplog.records[0].name == "rota.tools.vault.read"
    assert VALUE not in caplog.text
    assert json.dumps(VALUE)[1:-1] not in caplog.text
    assert caplog.text.count(REDACTED) >= 2
