"""A secret is found in whatever form others write it."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rota.security.secret_forms import LONGEST, MOST_LINES, forms_of, without_numbers

CUT = "[redacted]"
BEGIN = "-----BEGIN SOME KEY-----"


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


WRITINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: _json(text),
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON twice": lambda text: _json(_json(text)),
    "JSON thrice": lambda text: _json(_json(_json(text))),
    "JSON of JavaScript": lambda text: _json(text).replace("/", "\\/"),
    "path of a URL": quote,
    "query of a URL": quote_plus,
    "URL within a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "lower-case URL": lambda text: quote(text, safe="").lower(),
    "HTML": html.escape,
    "Python": lambda text: repr(text)[1:-1],
    "Python's bytes": lambda text: repr(text.encode())[2:-1],
    "one line": lambda text: " ".join(text.split()),
}
CODED: dict[str, Callable[[bytes], str]] = {
    "Base64": lambda data: base64.b64encode(data).decode(),
    "Base64 of URLs": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "Base64 within a URL": lambda data: quote(base64.b64encode(data).decode(), safe=""),
}
# Space at the ends goes before; the control signs that count as space are no key's.
signs = st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Zs", "Zl", "Zp"])
values = st.text(signs | st.sampled_from("\"\\/+=%&<>'\n "), min_size=6, max_size=40).filter(
    lambda text: len(text.strip()) >= 6 and "\x85" not in text
)


leaves = st.integers() | st.text(max_size=9) | st.sampled_from([123456, -1234567, 0.123456])
"""Of documents."""


def _of(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.dictionaries(st.text(), inner)


def cut(value: str, text: str) -> str:
    """`text` without any form of `value`."""
    for form in sorted(forms_of(value), key=lambda form: -len(form.plain)):
        text = form.cut_out(text, CUT)
    return text


@given(writing=st.sampled_from(sorted(WRITINGS)), value=values)
@example("JSON", 'p"ss\\wörd\n-42')
@example("JSON twice", "a😀b/cdef")
@example("JSON thrice", 'p"ss\\wörd\n-42')
@example("JSON of JavaScript", "0\\/0000")
@example("query of a URL", "=% + ö/")
@example("Python", "00000\x80")
@example("Python's bytes", "0000\\\x7f")
@example("HTML", "<a & 'b'>")
def test_value_is_found_however_it_is_written(writing: str, value: str) -> None:
    """All of it: nothing remains between what stands before and behind."""
    value = value.strip()
    if writing == "lower-case URL":
        value = value.lower()
    assert cut(value, f"<{WRITINGS[writing](value)}>") == f"<{CUT}>"


@given(st.sampled_from(sorted(CODED)), values, st.binary(max_size=9), st.binary(max_size=9))
def test_value_is_found_in_base64_wherever_it_begins(
    coding: str, value: str, before: bytes, after: bytes
) -> None:
    """As behind a user's name in a header: what remains of it is less than two of its bytes."""
    coded = CODED[coding](before + value.strip().encode() + after)
    left = len(before) + len(after)
    found = cut(value, coded)
    assert CUT in found
    if coding == "Base64":
        assert len(found.replace(CUT, "").rstrip("=")) <= -(-8 * (left + 2) // 6)


@given(value=values, text=st.text(max_size=60))
def test_other_texts_stay_as_they_are(value: str, text: str) -> None:
    """What holds no letter or digit in common is not touched."""
    row = max((form.row for form in forms_of(value)), key=len)
    if not any(form.row in text for form in forms_of(value)):
        assert cut(value, text) == text
    assert len(row) <= len(base64.b64encode(value.encode()))


@pytest.mark.parametrize(
    ("value", "text", "left"),
    [
        (
            f"{BEGIN}\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END-----",
            f"line 3: hkiG9w0BAQEFAASC; line 1: {BEGIN}",
            f"line 3: {CUT}; line 1: {BEGIN}",
        ),
        (
            "https://hooks.example.com/services/T0/B0/hidden",
            "Cannot POST /services/T0/B0/hidden",
            f"Cannot POST {CUT}",
        ),
        (
            "https://hooks.example.com/rota?key=hidden-key",
            "404 at /rota?key=hidden-key, see https://hooks.example.com/rota",
            f"404 at {CUT}, see https://hooks.example.com/rota",
        ),
        (
            "postgresql://rota:s3cret%2Fword@db/books",
            "password 's3cret/word' of rota is wrong (s3cret%2Fword)",
            f"password '{CUT}' of rota is wrong ({CUT})",
        ),
        (
            "postgresql://postgres:postgres@db/books",
            "postgres.query at postgresql://postgres:postgres@db/books",
            f"postgres.query at {CUT}",
        ),
        ("https://api.example.com", "https://api.example.com.evil", f"{CUT}.evil"),
        ("12345", "12345", "12345"),
    ],
)
def test_part_that_is_a_secret_by_itself_is_found_alone(value: str, text: str, left: str) -> None:
    """A line of a key, the path of an address, the password in it; nothing that is no secret."""
    assert cut(value, text) == left


def test_hostile_text_is_looked_through_in_time() -> None:
    """Whoever knows a part of a value can write a text of backslashes and percent signs."""
    value = '\\"a"\\ "%b%%25c"\\'
    hostile = "\\" * 100_000 + "a" + "%25" * 25_000 + " " * 25_000 + "25c" + "a\\"
    assert all(form.row in hostile for form in forms_of(value) if form.plain == value)
    begun = time.perf_counter()
    cut(value, hostile)
    assert time.perf_counter() - begun < 5.0


def test_long_file_given_as_a_secret_is_looked_for_as_it_is_and_by_its_first_lines() -> None:
    """Whoever names a log file as a secret slows down nobody else: no pattern is as long as it."""
    first = ["the first line of a file", "the second line of a file"]
    lines = "\n".join([*first, *(f"line {number} of a file" for number in range(5 * MOST_LINES))])
    forms = list(forms_of(lines))
    assert len(forms) == MOST_LINES + 1
    assert max(len(form.pattern.pattern) for form in forms if form.pattern) < LONGEST
    assert cut(lines, f"<{lines}> <{first[1]}>") == f"<{CUT}> <{CUT}>"


@given(st.lists(st.recursive(leaves, lambda inner: st.lists(inner) | _of(inner), max_leaves=5)))
@example([{"sum": 123456, "of": [-123456, 1.123456, "123456"], "123456": 7}])
def test_document_in_which_a_number_is_a_secret_stays_a_document(found: list[object]) -> None:
    """An answer is read as JSON: with a number cut out of its middle it would be none."""
    forms = [form for form in forms_of("123456") if form.is_number]
    left = without_numbers(json.dumps(found, indent=1), forms, CUT)
    assert json.loads(left) == numbers_cut(found)
    assert without_numbers(f"sum: {left}, 123456", forms, CUT) == f"sum: {left}, 123456"


def numbers_cut(found: object) -> object:
    """What is to be left of a document."""
    match found:
        case dict():
            return {name: numbers_cut(each) for name, each in found.items()}
        case list():
            return [numbers_cut(each) for each in found]
        case int() | float():
            return CUT if "123456" in str(found) else found
        case _:
            return found
