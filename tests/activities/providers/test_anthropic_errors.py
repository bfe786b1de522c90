"""How the Anthropic runtime classifies what has no answer."""

import anthropic
import httpx2
import pytest

from activities.providers.anthropic_errors import classify
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
