"""Classifies what servers of chat completions refuse or report, beyond the plain status.

Source: platform.openai.com, Error codes; docs.litellm.ai, Exception mapping, and what its
proxy 1.106 answers (tests/external).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from activities.providers.http_failures import classify_response
from activities.runtimes.openai_messages import VENDOR
from rota.failures import FailureCategory, StepError

CURES = {
    FailureCategory.AUTH: "check the key behind runtime.api_key and what it may use",
    FailureCategory.QUOTA: "raise the limit or the balance of the account",
}

_WORDS = {
    "context_length_exceeded": FailureCategory.CONTEXT_OVERFLOW,
    "maximum context length": FailureCategory.CONTEXT_OVERFLOW,
    "context window": FailureCategory.CONTEXT_OVERFLOW,
    "prompt is too long": FailureCategory.CONTEXT_OVERFLOW,
    "content_policy_violation": FailureCategory.REFUSED,
    "content_filter": FailureCategory.REFUSED,
    "content management policy": FailureCategory.REFUSED,
    "budget has been exceeded": FailureCategory.QUOTA,
    "budget_exceeded": FailureCategory.QUOTA,
    "insufficient_quota": FailureCategory.QUOTA,
    # LiteLLM without a database, of a key that is not its own.
    "no connected db": FailureCategory.AUTH,
}
"""In an invalid request: what the status does not tell. Codes first, then servers' words."""

_STATUS_OF = {
    "insufficient_quota": 402,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "overloaded_error": 503,
    "overloaded": 503,
    "timeout": 504,
}
"""For an error inside a 200, which has a code or a type and no status."""


_PASSED_ON = "llm_provider-"
"""LiteLLM passes its provider's headers on under these names, the time to wait among them."""

_OVERLOADED = "overloaded_error"
"""In the message of a 500: LiteLLM has no status of its own for Anthropic's 529."""


def classify_status(
    status: int, headers: Mapping[str, str], message: str, secrets: Iterable[str]
) -> StepError:
    """Classify an answer whose status is an error."""
    passed_on = {
        name.lower().removeprefix(_PASSED_ON): value
        for name, value in headers.items()
        if name.lower().startswith(_PASSED_ON)
    }
    failure = classify_response(
        status,
        passed_on | {name.lower(): value for name, value in headers.items()},
        message,
        vendor=VENDOR,
        cure=CURES,
        words=_WORDS,
        secrets=secrets,
    )
    if failure.category is FailureCategory.TRANSIENT and _OVERLOADED in message.lower():
        failure.category, failure.maybe_billed = FailureCategory.OVERLOADED, False
    return failure


def classify_reported(
    error: Mapping[str, Any], headers: Mapping[str, str], secrets: Iterable[str]
) -> StepError:
    """Classify an error that came with status 200: the model may have worked before it."""
    labels = [str(error.get(name) or "") for name in ("code", "type")]
    status = next((found for label in labels if (found := _status(label))), 500)
    label = next(filter(None, labels), "error")
    failure = classify_status(status, headers, f"{label}: {error.get('message')}", secrets)
    failure.maybe_billed = True
    return failure


def _status(label: str) -> int | None:
    if label.isdecimal() and 400 <= int(label) <= 599:
        return int(label)
    return _STATUS_OF.get(label.lower())
