"""How plain HTTP APIs' failures are classified, and the wait they ask for is read."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from activities.providers.http_failures import (
    PROVIDER_ERRORS,
    classify_response,
    classify_transport,
    error_text,
    retry_after,
)
from rota.failures import FailureCategory

C = FailureCategory


@pytest.mark.parametrize(
    ("status", "message", "category", "billed"),
    [
        (302, "", C.INVALID_REQUEST, False),
        (400, "bad", C.INVALID_REQUEST, False),
        (401, "who?", C.AUTH, False),
        (402, "pay", C.QUOTA, False),
        (403, "no", C.AUTH, False),
        (404, "no such model", C.INVALID_REQUEST, False),
        (407, "proxy", C.AUTH, False),
        (408, "slow", C.TIMEOUT, True),
        (409, "conflict", C.TRANSIENT, False),
        (413, "large", C.CONTEXT_OVERFLOW, False),
        (422, "bad", C.INVALID_REQUEST, False),
        (429, "slow down", C.RATE_LIMITED, False),
        (429, "You exceeded your current quota", C.QUOTA, False),
        (429, "insufficient_quota: check your billing", C.QUOTA, False),
        (500, "oops", C.TRANSIENT, True),
        (501, "no such thing", C.INVALID_REQUEST, False),
        (502, "<html>", C.TRANSIENT, True),
        (503, "busy", C.OVERLOADED, False),
        (504, "slow", C.TIMEOUT, True),
        (529, "busy", C.OVERLOADED, False),
        (599, "?", C.TRANSIENT, True),
    ],
)
def test_classify_response_follows_the_status(
    status: int, message: str, category: FailureCategory, billed: bool
):
    """Each status has one category, and only doubt about work done is `maybe_billed`."""
    failure = classify_response(status, {}, message, vendor="Acme")
    assert (failure.category, failure.maybe_billed) == (category, billed)
    assert str(failure).startswith(f"Acme answered {status}: {message or 'nothing'}")


def test_classify_response_names_cure_wait_and_request_without_secrets():
    """What a person or a retry needs is there; a key that was repeated is not."""
    failure = classify_response(
        429,
        {"Retry-After": "7", "X-Request-Id": "r1"},
        "key sk-123456 is limited",
        vendor="Acme",
        cure={C.RATE_LIMITED: "lower runtime.requests_per_second"},
        secrets=("", "sk-123456", "sk-1"),
    )
    assert str(failure) == (
        "Acme answered 429: key [redacted] is limited; lower runtime.requests_per_second"
    )
    assert failure.retry_after == timedelta(seconds=7)
    assert failure.request_id == "r1"


def test_classify_response_words_refine_an_invalid_request_alone():
    """A provider's words tell more than its 400, and never overrule another status."""
    words = {"maximum context length": C.CONTEXT_OVERFLOW}
    message = "This model's Maximum context length is 8192"
    for status, category in ((400, C.CONTEXT_OVERFLOW), (401, C.AUTH), (500, C.TRANSIENT)):
        failure = classify_response(status, {}, message, vendor="Acme", words=words)
        assert failure.category is category


def test_classify_response_wait_of_a_final_failure_is_dropped():
    """A wait is for those who try again."""
    assert classify_response(401, {"retry-after": "7"}, "", vendor="A").retry_after is None


@pytest.mark.parametrize(
    ("error", "category", "billed"),
    [
        (httpx2.ConnectTimeout("slow"), C.TIMEOUT, False),
        (httpx2.PoolTimeout("full"), C.TIMEOUT, False),
        (httpx2.ReadTimeout("slow"), C.TIMEOUT, True),
        (httpx2.WriteTimeout("slow"), C.TIMEOUT, True),
        (TimeoutError(), C.TIMEOUT, True),
        (httpx2.ConnectError("no route"), C.TRANSIENT, False),
        (httpx2.ProxyError("no"), C.TRANSIENT, False),
        (httpx2.ReadError("gone"), C.TRANSIENT, True),
        (httpx2.RemoteProtocolError("gone"), C.TRANSIENT, True),
        (httpx2.DecodingError("gzip"), C.TRANSIENT, True),
        (json.JSONDecodeError("no JSON", "<", 0), C.TRANSIENT, True),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), C.TRANSIENT, True),
        (httpx2.LocalProtocolError("header"), C.INVALID_REQUEST, False),
        (httpx2.UnsupportedProtocol("ftp"), C.INVALID_REQUEST, False),
        (httpx2.InvalidURL("no"), C.INVALID_REQUEST, False),
        (httpx2.TooManyRedirects("round"), C.INVALID_REQUEST, False),
    ],
)
def test_classify_transport_is_billed_unless_the_request_cannot_have_arrived(
    error: Exception, category: FailureCategory, billed: bool
):
    """Every failure without an answer has a category, and is one of `PROVIDER_ERRORS`."""
    failure = classify_transport(error, vendor="Acme")
    assert isinstance(error, PROVIDER_ERRORS)
    assert (failure.category, failure.maybe_billed) == (category, billed)
    assert f"the call to Acme failed: {type(error).__name__}" in str(failure)


def test_classify_transport_names_the_setting_and_no_secret():
    """An address that does not answer is mended in the declaration; its password stays out."""
    failure = classify_transport(
        httpx2.ConnectError("no route to http://u:hunter22@host"),
        vendor="Acme",
        cure="check runtime.base_url",
        secrets=("hunter22",),
    )
    assert str(failure).endswith("http://u:[redacted]@host; check runtime.base_url")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":{"message":"no","code":"bad_key"}}', "bad_key: no"),
        (b'{"error":{"message":"no","type":"auth","code":null}}', "auth: no"),
        (b'{"error":"no"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'{"detail":[{"msg":"no"}]}', '[{"msg": "no"}]'),
        (b'{"detail":"Not found"}', "Not found"),
        (b'"no"', "no"),
        (b"<html>\n  Bad   gateway</html>", "<html> Bad gateway</html>"),
        (b"\xff", "\ufffd"),
        (b"", ""),
        (b"[" * 100_000, "[" * 500),
    ],
)
def test_error_text_reads_each_form(body: bytes, text: str):
    """The words of an error are found in the forms that APIs use, and bounded in others."""
    assert error_text(body) == text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        ({"retry-after": "0.25"}, timedelta(seconds=0.25)),
        ({"retry-after-ms": "1500", "retry-after": "9"}, timedelta(seconds=1.5)),
        ({"retry-after-ms": "soon", "retry-after": "9"}, timedelta(seconds=9)),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, timedelta(hours=1)),
        ({"retry-after": "86400"}, timedelta(hours=1)),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Wed, 21 Oct 2099 07:28:00 -0000"}, timedelta(hours=1)),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 +99999999999999999"}, None),
    ],
)
@pytest.mark.parametrize("mapping", [dict, httpx2.Headers])
def test_retry_after_is_honoured_when_sensible(
    mapping: type, headers: dict[str, str], expected: timedelta | None
):
    """The provider's wait is taken over in each of its forms, and nonsense is not."""
    assert retry_after(mapping(headers)) == expected


def test_retry_after_as_date_is_time_until_then():
    """An HTTP date becomes the time that is left."""
    until = datetime.now(UTC) + timedelta(minutes=5)
    wait = retry_after({"retry-after": format_datetime(until, usegmt=True)})
    assert wait is not None
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
