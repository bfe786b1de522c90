"""Bodies are read as what they are, and refused where nobody could keep them."""

from typing import Any

import pytest

from workers.gateway.documents import DeliveryError, document_of

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("headers", "body", "document"),
    [
        ({}, b'{"a": [1, null, "\xc3\xbc"]}', {"a": [1, None, "ü"]}),
        ({"content-type": "text/plain"}, b"3", 3),
        ({}, b'{"a": [[[]]], "b": {"c": [1]}}', {"a": [[[]]], "b": {"c": [1]}}),
        (
            FORM,
            b"command=%2Frun&text=a+b&text=c&empty=",
            {"command": "/run", "text": "c", "empty": ""},
        ),
        (FORM, b"payload=%7B%22type%22%3A+1%7D", {"type": 1}),
        (FORM, b"", {}),
    ],
)
def test_body_is_read_as_what_it_is(headers: dict[str, str], body: bytes, document: Any) -> None:
    """JSON whatever it is called; a form; a form that carries JSON."""
    assert document_of(headers, body) == document


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, b"hello"),
        ({}, b"\xff\xfe"),
        ({}, b'{"a": NaN}'),
        ({}, b"1e999"),
        ({}, b'"\\ud800"'),
        ({}, b"[" * 100_000),
        ({}, b"[" * 101 + b"]" * 101),
        (FORM, b"a=%ff"),
        (FORM, b"a=\xff"),
        (FORM, b"payload=hello"),
        (FORM, b"&".join(b"a%d=1" % n for n in range(1001))),
    ],
)
def test_body_that_cannot_be_kept_is_refused(headers: dict[str, str], body: bytes) -> None:
    """Before a run would fail of it."""
    with pytest.raises(DeliveryError):
        document_of(headers, body)


def test_body_may_be_nested_as_deep_as_a_run_can_read() -> None:
    """Up to the bound, and what stands in the innermost list counts for nothing."""
    document_of({}, b"[" * 100 + b"1" + b"]" * 100)
