"""What the page of a link sends is taken; whatever else comes is no decision."""

import pytest

from rota.approvals.requests import Verdict
from workers.gateway.decision_form import Form, FormError, form_in

KIND = "application/x-www-form-urlencoded"


def test_form_of_the_page_is_read() -> None:
    """As browsers write it."""
    body = b"seen=abc&by=+Kim+%C3%96&verdict=deny&note=wrong%0D%0Aaccount"
    found = form_in(f"{KIND}; charset=UTF-8", body)
    assert found == Form(Verdict.DENY, "abc", "Kim Ö", "wrong\r\naccount")


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("application/json", b'{"verdict": "approve"}', "no form"),
        ("text/plain", b"verdict=approve", "no form"),
        ("", b"verdict=approve", "no form"),
        (KIND, b"", "Choose"),
        (KIND, b"verdict=", "Choose"),
        (KIND, b"verdict=edit", "Choose"),
        (KIND, b"verdict=approve&verdict=deny", "no form of this page"),
        (KIND, b"verdict=approve&arguments={}", "no form of this page"),
        (KIND, b"a=1&b=2&c=3&d=4&e=5", "no form of this page"),
        (KIND, b"verdict=approve&by=%ff", "no form of this page"),
        (KIND, b"verdict=approve&by=" + b"k" * 201, "at most 200"),
        (KIND, b"verdict=approve&by=kim%0Apat", "in one line"),
        (KIND, b"verdict=approve&by=%E2%80%AEkim", "in one line"),
        (KIND, b"verdict=approve&note=" + b"n" * 2001, "at most 2000"),
    ],
)
def test_anything_else_is_no_decision(kind: str, body: bytes, told: str) -> None:
    """It says what is wrong, and nothing comes of it."""
    with pytest.raises(FormError, match=told):
        form_in(kind, body)
