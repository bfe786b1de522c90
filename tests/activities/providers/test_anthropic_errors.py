"""How the Anthropic runtime classifies what has no answer, and reads the wait it is asked for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anthropic
import httpx2
import pytest

from activities.providers.anthropic_errors import classify, retry_after
from rota.failures import FailureCategory

C = FailureCategory
REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/messages")


@pytest.mark.parametrize(
    ("cause", "category", "billed"),
    [
        (httpx2.ConnectTimeout("slow"), C.TIMEOUT, False),
        (httpx2.PoolTimeout("full"), C.TIMEOUT, False),
        (httpx2.ReadTimeout("slow"), C.TIMEOUT, True),
        (httpx2.WriteTimeout("slow"), C.TIMEOUT, True),
        (httpx2.ConnectError("no route"), C.TRANSIENT, False),
        (httpx2.ProxyError("no"), C.TRANSIENT, False),
        (httpx2.ReadError("gone"), C.TRANSIENT, True),
        (httpx2.RemoteProtocolError("gone"), C.TRANSIENT, True),
        (httpx2.LocalProtocolError("header"), C.INVALID_REQUEST, False),
        (None, C.TRANSIENT, True),
    ],
)
def test_classify_transport_failure_is_the_same_wrapped_or_bare(
    cause: Exception | None, category: FailureCategory, billed: bool
):
    """The SDK wraps what fails before the answer starts, and nothing after that."""
    wrapped = anthropic.APIConnectionError(request=REQUEST)
    wrapped.__cause__ = cause
    for error in (wrapped, cause or wrapped):
        failure = classify(error)
        assert (failure.category, failure.maybe_billed) == (category, billed)


@pytest.mark.parametrize("error", [anthropic.APITimeoutError(REQUEST), TimeoutError()])
def test_classify_timeout_without_a_cause_is_timeout(error: Exception):
    """A timeout that does not say where it happened may have been billed."""
    failure = classify(error)
    assert (failure.category, failure.maybe_billed) == (C.TIMEOUT, True)


def test_classify_sdk_complaint_is_bug():
    """What the SDK refuses to do has nothing to do with the provider."""
    assert classify(anthropic.AnthropicError("no credentials")).category is C.BUG


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
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
    ],
)
def test_retry_after_is_honoured_when_sensible(headers: dict[str, str], expected: timedelta | None):
    """The provider's wait is taken over in each of its forms, and nonsense is not."""
    assert retry_after(httpx2.Headers(headers)) == expected


def test_retry_after_as_date_is_time_until_then():
    """An HTTP date becomes the time that is left."""
    until = datetime.now(UTC) + timedelta(minutes=5)
    wait = retry_after({"retry-after": format_datetime(until, usegmt=True)})
    assert wait is not None
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
