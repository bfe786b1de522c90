"""Turns every way a plain HTTP API can fail into a classified `StepError`.

For the providers that have no SDK here: their runtimes speak HTTP with httpx2, and a
status, a few words of the body and the headers are all there is to judge by. A provider
that says more has a module of its own beside this one.

Source: RFC 9110 sections 10.2.3 and 15; httpx2 2.16.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx2

from activities.providers.unanswered import Kinds, kind_of
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError

PROVIDER_ERRORS = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    TimeoutError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""What an HTTP call may raise that is the provider's doing, or the way's to it. Anything
else is a mistake of ours and must surface as one."""

MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer wait asked for by the provider is cut to this: trying again costs nothing."""

_BY_STATUS = {
    401: FailureCategory.AUTH,
    402: FailureCategory.QUOTA,
    403: FailureCategory.AUTH,
    407: FailureCategory.AUTH,
    408: FailureCategory.TIMEOUT,
    409: FailureCategory.TRANSIENT,
    413: FailureCategory.CONTEXT_OVERFLOW,
    425: FailureCategory.TRANSIENT,
    429: FailureCategory.RATE_LIMITED,
    501: FailureCategory.INVALID_REQUEST,
    503: FailureCategory.OVERLOADED,
    504: FailureCategory.TIMEOUT,
    529: FailureCategory.OVERLOADED,
}

_QUOTA_WORDS = ("quota", "billing", "credit", "spend limit", "spending limit", "budget")
"""In the message of a 429: what waiting does not cure."""

_REFUSED_UNDONE = frozenset({409, 425, 501, 503, 529})
"""Statuses that say that the work was not begun."""

UNSENT: Kinds = (
    (httpx2.ConnectTimeout, FailureCategory.TIMEOUT, False),
    (httpx2.PoolTimeout, FailureCategory.TIMEOUT, False),
    (httpx2.ConnectError, FailureCategory.TRANSIENT, False),
    (httpx2.ProxyError, FailureCategory.TRANSIENT, False),
    (httpx2.UnsupportedProtocol, FailureCategory.INVALID_REQUEST, False),
    (httpx2.InvalidURL, FailureCategory.INVALID_REQUEST, False),
    (httpx2.LocalProtocolError, FailureCategory.INVALID_REQUEST, False),
    (httpx2.TooManyRedirects, FailureCategory.INVALID_REQUEST, False),
)
"""Failures before anything arrived where it was meant to."""

_BY_TRANSPORT: Kinds = (
    *UNSENT,
    (httpx2.TimeoutException, FailureCategory.TIMEOUT, True),
    (TimeoutError, FailureCategory.TIMEOUT, True),
    (httpx2.HTTPError, FailureCategory.TRANSIENT, True),
    (ValueError, FailureCategory.TRANSIENT, True),
)
"""Failures without an answer, first match wins: category, and whether the request may
have arrived. The `ValueError` is an answer that is no JSON or no UTF-8."""

_ERROR_TEXT_LIMIT = 500
"""Characters kept of a body that is no JSON: usually a proxy's page."""


def classify_response(
    status: int,
    headers: Mapping[str, str],
    message: str,
    *,
    vendor: str,
    cure: Mapping[FailureCategory, str] | None = None,
    words: Mapping[str, FailureCategory] | None = None,
    secrets: Iterable[str] = (),
) -> StepError:
    """Classify an answer whose status is an error.

    Args:
        status: From 300; a redirect that was not followed is a wrong address.
        headers: Of the answer, whatever the case of their names.
        message: What the body says; see `error_text`.
        vendor: Who answered, as people call it.
        cure: What to do about a category, in words that name the setting.
        words: Parts of a message, in lower case, that tell more than an `invalid_request`
            does: the first one found decides.
        secrets: Values cut out of the text, should the provider or a proxy repeat them.
    """
    category = _category(status, message.lower(), words or {})
    remedy = (cure or {}).get(category, "")
    text = f"{vendor} answered {status}: {message or 'nothing'}" + (f"; {remedy}" if remedy else "")
    unsure = category in (FailureCategory.TRANSIENT, FailureCategory.TIMEOUT)
    return StepError(
        category,
        redacted(text, secrets),
        retry_after=retry_after(headers) if category.retryable else None,
        maybe_billed=unsure and status not in _REFUSED_UNDONE,
        request_id=_header(headers, "x-request-id") or _header(headers, "request-id"),
    )


def classify_transport(
    error: Exception, *, vendor: str, cure: str = "", secrets: Iterable[str] = ()
) -> StepError:
    """Classify one of `PROVIDER_ERRORS`: there was no answer, or no usable one.

    `maybe_billed` is false only where the request cannot have arrived.

    Args:
        error: What the call raised.
        vendor: Who did not answer, as people call it.
        cure: What to do if the request cannot even be sent: the setting with the address.
        secrets: Values cut out of the text.
    """
    category, maybe_billed = kind_of(error, _BY_TRANSPORT)
    text = f"the call to {vendor} failed: {type(error).__name__} {error}".strip()
    if cure and not maybe_billed:
        text += f"; {cure}"
    return StepError(category, redacted(text, secrets), maybe_billed=maybe_billed)


def error_text(body: bytes) -> str:
    """Read what an error's body says: the forms that APIs use, or else its beginning."""
    text = body.decode(errors="replace").strip()
    try:
        found = _told(json.loads(text))
    except (ValueError, RecursionError):
        found = ""
    # Secrets go before the end does: of one that is cut in two, a part would remain.
    return found or Secrets().shortened(" ".join(text.split()), _ERROR_TEXT_LIMIT)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Cut secrets out of a text; empty ones are ignored."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    return text


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read how long the provider asks to wait: milliseconds, seconds, or a date.

    Returns None for nothing, nonsense, or a time that has passed.
    """
    seconds = _number(_header(headers, "retry-after-ms"))
    if seconds is not None:
        seconds /= 1000
    else:
        seconds = _number(_header(headers, "retry-after"))
    if seconds is None:
        seconds = _seconds_until(_header(headers, "retry-after"))
    if seconds is None or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, MAX_RETRY_AFTER.total_seconds()))


def _category(status: int, message: str, words: Mapping[str, FailureCategory]) -> FailureCategory:
    unknown = FailureCategory.TRANSIENT if status >= 500 else FailureCategory.INVALID_REQUEST
    category = _BY_STATUS.get(status, unknown)
    if category is FailureCategory.RATE_LIMITED and any(word in message for word in _QUOTA_WORDS):
        return FailureCategory.QUOTA
    if category is FailureCategory.INVALID_REQUEST:
        return next((found for text, found in words.items() if text in message), category)
    return category


def _told(body: Any) -> str:
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    for name in ("error", "message", "detail", "error_description"):
        found = fields.get(name)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, dict):
            return _labelled(cast("dict[str, Any]", found))
        if found:
            return Secrets().shortened(json.dumps(found), _ERROR_TEXT_LIMIT)
    return ""


def _labelled(error: dict[str, Any]) -> str:
    label = error.get("code") or error.get("type") or ""
    text = error.get("message") or ""
    return f"{label}: {text}".strip(": ") if text or label else json.dumps(error)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Names of headers have no case; httpx2's mapping knows that, a plain one does not."""
    found = headers.get(name)
    if found is not None:
        return found
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _seconds_until(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    # A date with the zone "-0000" comes back naive; HTTP dates are always GMT.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
