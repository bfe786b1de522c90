"""Turns every way a Claude API call can fail into a classified `StepError`.

What the API says decides in this order: a code that names the cause, the HTTP status,
the error's type (all there is for an error inside a stream, whose status is 200), the
words of the message where the API has no code, and last the `x-should-retry` header.

Source: platform.claude.com, Errors; anthropic SDK 2.12.
"""

import json

import anthropic
import httpx2

from activities.providers.http_failures import UNSENT, redacted, retry_after
from activities.providers.unanswered import Kinds, kind_of
from rota.failures import FailureCategory, StepError

PROVIDER_ERRORS = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    TimeoutError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""What a call may raise that is the provider's doing, or the way's to it. Anything else
is a mistake of ours and must surface as one."""

_BY_CODE = {
    "enforced_spend_limit_reached": FailureCategory.QUOTA,
    "contract_spend_limit_reached": FailureCategory.QUOTA,
    "linked_organization_spend_limit_reached": FailureCategory.QUOTA,
    "linked_organization_billing_unavailable": FailureCategory.QUOTA,
}
_BY_STATUS = {
    401: FailureCategory.AUTH,
    402: FailureCategory.QUOTA,
    403: FailureCategory.AUTH,
    408: FailureCategory.TIMEOUT,
    409: FailureCategory.TRANSIENT,
    413: FailureCategory.CONTEXT_OVERFLOW,
    429: FailureCategory.RATE_LIMITED,
    501: FailureCategory.INVALID_REQUEST,
    503: FailureCategory.OVERLOADED,
    504: FailureCategory.TIMEOUT,
    529: FailureCategory.OVERLOADED,
}
_BY_TYPE = {
    "invalid_request_error": FailureCategory.INVALID_REQUEST,
    "not_found_error": FailureCategory.INVALID_REQUEST,
    "authentication_error": FailureCategory.AUTH,
    "permission_error": FailureCategory.AUTH,
    "billing_error": FailureCategory.QUOTA,
    "request_too_large": FailureCategory.CONTEXT_OVERFLOW,
    "rate_limit_error": FailureCategory.RATE_LIMITED,
    "timeout_error": FailureCategory.TIMEOUT,
    "overloaded_error": FailureCategory.OVERLOADED,
    "api_error": FailureCategory.TRANSIENT,
    "conflict_error": FailureCategory.TRANSIENT,
}
_BY_WORDS = {
    "prompt is too long": FailureCategory.CONTEXT_OVERFLOW,
    "exceed context limit": FailureCategory.CONTEXT_OVERFLOW,
    "credit balance is too low": FailureCategory.QUOTA,
    "api usage limits": FailureCategory.QUOTA,
}
"""Refinements of an invalid request: the API gives these causes no code of their own."""

_BY_TRANSPORT: Kinds = (
    *UNSENT,
    (httpx2.TimeoutException, FailureCategory.TIMEOUT, True),
    (anthropic.APITimeoutError, FailureCategory.TIMEOUT, True),
    (TimeoutError, FailureCategory.TIMEOUT, True),
    (httpx2.HTTPError, FailureCategory.TRANSIENT, True),
    (anthropic.APIError, FailureCategory.TRANSIENT, True),
    (ValueError, FailureCategory.TRANSIENT, True),
)
"""Failures without an answer, first match wins: category, and whether the request may
have reached a model. The `ValueError` is an answer that is no JSON or no UTF-8."""

_REMEDIES = {
    FailureCategory.AUTH: "; check the key behind runtime.api_key",
    FailureCategory.QUOTA: "; raise the limit in the Claude Console",
}


def classify(error: Exception, *, secret: str = "") -> StepError:
    """Classify one of `PROVIDER_ERRORS`.

    Args:
        error: What the call raised.
        secret: The API key, cut out of the text should the provider or a proxy repeat it.
    """
    if isinstance(error, anthropic.APIStatusError):
        return _status(error, secret)
    return _transport(error, secret)


def _status(error: anthropic.APIStatusError, secret: str) -> StepError:
    category = _obey_hint(_category(error), error.response.headers.get("x-should-retry"))
    label = error.error_code or error.type or "error"
    in_stream = error.status_code < 400
    text = (
        f"Anthropic answered {'in the stream' if in_stream else error.status_code} "
        f"{label}: {error.api_message or error.message}{_REMEDIES.get(category, '')}"
    )
    unsure = category in (FailureCategory.TRANSIENT, FailureCategory.TIMEOUT)
    return StepError(
        category,
        redacted(text, (secret,)),
        retry_after=retry_after(error.response.headers) if category.retryable else None,
        maybe_billed=in_stream or (unsure and error.status_code not in (400, 409)),
        request_id=error.request_id,
    )


def _category(error: anthropic.APIStatusError) -> FailureCategory:
    unknown = FailureCategory.INVALID_REQUEST
    if error.status_code < 400 or error.status_code >= 500:
        unknown = FailureCategory.TRANSIENT
    category = (
        _BY_CODE.get(error.error_code or "")
        or _BY_STATUS.get(error.status_code)
        or _BY_TYPE.get(error.type or "")
        or unknown
    )
    if category is FailureCategory.INVALID_REQUEST:
        words = (error.api_message or "").lower()
        return next((found for text, found in _BY_WORDS.items() if text in words), category)
    return category


def _obey_hint(category: FailureCategory, should_retry: str | None) -> FailureCategory:
    """Let the server's own opinion on trying again overrule ours."""
    if should_retry == "true" and category is FailureCategory.INVALID_REQUEST:
        return FailureCategory.TRANSIENT
    if should_retry == "false" and category.retryable:
        # Waiting does not cure it: that is what tells a quota from a rate limit.
        limited = category is FailureCategory.RATE_LIMITED
        return FailureCategory.QUOTA if limited else FailureCategory.INVALID_REQUEST
    return category


def _transport(error: Exception, secret: str) -> StepError:
    cause = error.__cause__ if isinstance(error, anthropic.APIConnectionError) else error
    found = cause if isinstance(cause, Exception) else error
    category, maybe_billed = kind_of(found, _BY_TRANSPORT)
    return StepError(
        category,
        redacted(
            f"the call to Anthropic failed: {type(found).__name__} {found}".strip(), (secret,)
        ),
        maybe_billed=maybe_billed,
    )
