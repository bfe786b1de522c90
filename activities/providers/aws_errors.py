"""Turns every way a call of AWS can fail into a classified `StepError`.

What AWS says decides in this order: the error's code (lower camel case inside a stream, upper
elsewhere, with or without `Exception`), the words of the message where one code has several
causes, and last the HTTP status.

Source: boto3 1.44; the errors of Converse, InvokeAgent, InvokeAgentRuntime and InvokeHarness
in their service models, which tests/activities/providers/test_aws_shapes.py pins.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import botocore.eventstream  # pyright: ignore[reportMissingTypeStubs]
import botocore.exceptions as aws  # pyright: ignore[reportMissingTypeStubs]
import botocore.parsers  # pyright: ignore[reportMissingTypeStubs]
import urllib3.exceptions

from activities.providers.http_failures import MAX_RETRY_AFTER, retry_after
from activities.providers.unanswered import Kinds, kind_of
from rota.failures import FailureCategory, StepError

C = FailureCategory

PROVIDER_ERRORS = (
    aws.ClientError,
    aws.BotoCoreError,
    botocore.eventstream.ParserError,
    botocore.parsers.ResponseParserError,
    urllib3.exceptions.HTTPError,
    TimeoutError,
)
"""What a call may raise that is the provider's doing, or the way's to it. botocore wraps what
urllib3 raises, but not while an event stream is read. Anything else is a mistake of ours."""

_BY_CODE = {
    "accessdenied": C.AUTH,
    "expiredtoken": C.AUTH,
    "incompletesignature": C.AUTH,
    "invalidclienttokenid": C.AUTH,
    "invalidsignature": C.AUTH,
    "missingauthenticationtoken": C.AUTH,
    "optinrequired": C.AUTH,
    "signaturedoesnotmatch": C.AUTH,
    "unauthorized": C.AUTH,
    "unrecognizedclient": C.AUTH,
    "servicequotaexceeded": C.QUOTA,
    "throttling": C.RATE_LIMITED,
    "throttled": C.RATE_LIMITED,
    "toomanyrequests": C.RATE_LIMITED,
    "requestlimitexceeded": C.RATE_LIMITED,
    "slowdown": C.OVERLOADED,
    "serviceunavailable": C.OVERLOADED,
    "modelnotready": C.OVERLOADED,
    "modeltimeout": C.TIMEOUT,
    "requesttimeout": C.TIMEOUT,
    "modelerror": C.TRANSIENT,
    "modelstreamerror": C.TRANSIENT,
    "internalserver": C.TRANSIENT,
    "internalfailure": C.TRANSIENT,
    "badgateway": C.TRANSIENT,
    "conflict": C.TRANSIENT,
    "retryableconflict": C.TRANSIENT,
    "dependencyfailed": C.TOOL_FAILED,
    "runtimeclient": C.TOOL_FAILED,
    "resourcenotfound": C.INVALID_REQUEST,
    "validation": C.INVALID_REQUEST,
}
_BY_STATUS = {
    401: C.AUTH,
    402: C.QUOTA,
    403: C.AUTH,
    408: C.TIMEOUT,
    409: C.TRANSIENT,
    413: C.CONTEXT_OVERFLOW,
    424: C.TRANSIENT,
    429: C.RATE_LIMITED,
    503: C.OVERLOADED,
    504: C.TIMEOUT,
}
_BY_WORDS = {
    # Of the model's validation: AWS gives a prompt that is too long no code of its own.
    (C.INVALID_REQUEST, "too long"): C.CONTEXT_OVERFLOW,
    (C.INVALID_REQUEST, "too many input tokens"): C.CONTEXT_OVERFLOW,
    (C.INVALID_REQUEST, "exceed context limit"): C.CONTEXT_OVERFLOW,
    (C.INVALID_REQUEST, "context window"): C.CONTEXT_OVERFLOW,
    # Waiting cures it, but not within any run.
    (C.RATE_LIMITED, "per day"): C.QUOTA,
}

_UNDONE = frozenset({"conflict", "retryableconflict", "modelnotready", "serviceunavailable"})
"""Codes of passing failures that say that the work was not begun."""

_BY_TRANSPORT: Kinds = (
    (aws.NoCredentialsError, C.AUTH, False),
    (aws.PartialCredentialsError, C.AUTH, False),
    (aws.CredentialRetrievalError, C.AUTH, False),
    (aws.MetadataRetrievalError, C.AUTH, False),
    (aws.TokenRetrievalError, C.AUTH, False),
    (aws.NoAuthTokenError, C.AUTH, False),
    (aws.SSOError, C.AUTH, False),
    (aws.LoginError, C.AUTH, False),
    (aws.ConnectTimeoutError, C.TIMEOUT, False),
    (aws.ReadTimeoutError, C.TIMEOUT, True),
    (urllib3.exceptions.ReadTimeoutError, C.TIMEOUT, True),
    (TimeoutError, C.TIMEOUT, True),
    (aws.EndpointConnectionError, C.TRANSIENT, False),
    (aws.ProxyConnectionError, C.TRANSIENT, False),
    (aws.SSLError, C.TRANSIENT, False),
    (aws.HTTPClientError, C.TRANSIENT, True),
    (aws.IncompleteReadError, C.TRANSIENT, True),
    (urllib3.exceptions.HTTPError, C.TRANSIENT, True),
    (botocore.eventstream.ParserError, C.TRANSIENT, True),
    (botocore.parsers.ResponseParserError, C.TRANSIENT, True),
    (aws.BotoCoreError, C.INVALID_REQUEST, False),
)
"""Failures without an answer, first match wins: category, and whether the request may have
arrived. What is left of botocore's own errors are settings that it refuses to send."""

_CURES = {
    C.AUTH: "check the worker's AWS credentials (runtime.profile, or boto3's own chain) and "
    "what they are allowed to do",
    C.QUOTA: "raise the quota in the AWS console (Service Quotas)",
}
_SETTINGS: tuple[tuple[type[Exception], str], ...] = (
    (aws.NoRegionError, "set runtime.region, or AWS_DEFAULT_REGION on the worker"),
    (aws.ProfileNotFound, "set runtime.profile to one the worker has"),
    (aws.UnknownServiceError, "install boto3 1.44 or newer on the worker"),
)


def classify(error: Exception, *, vendor: str, what: str = "") -> StepError:
    """Classify one of `PROVIDER_ERRORS`.

    Args:
        error: What the call raised.
        vendor: Whom it called, as people say: `Bedrock`.
        what: The setting that names what was called (`runtime.model`), for the message of
            one that is not there.

    There is nothing to redact: requests are signed, the key does not travel.
    """
    if isinstance(error, aws.ClientError):
        return _answered(error, vendor, what)
    return _unanswered(error, vendor)


def code_of(error: aws.ClientError) -> str:
    """Return the error's code in lower case, without `Exception` or `Error`: `throttling`."""
    code = str(_part(error, "Error").get("Code", "")).rpartition("#")[2].lower()
    # One ending alone: `ModelErrorException` is about a model's error.
    return code.removesuffix("exception" if code.endswith("exception") else "error")


def _answered(error: aws.ClientError, vendor: str, what: str) -> StepError:
    told, meta = _part(error, "Error"), _part(error, "ResponseMetadata")
    in_stream = isinstance(error, aws.EventStreamError)
    code, status = code_of(error), int(meta.get("HTTPStatusCode") or 0)
    message = str(told.get("Message") or "nothing")
    category = _category(code, status, message.lower())
    cure = _CURES.get(category, "")
    if code == "resourcenotfound" and what:
        cure = f"check {what} and runtime.region"
    text = (
        f"{vendor} answered {'in the stream' if in_stream else status} "
        f"{told.get('Code', 'error')}: {message}"
    )
    unsure = category in (C.TRANSIENT, C.TIMEOUT) and code not in _UNDONE
    return StepError(
        category,
        f"{text}; {cure}" if cure else text,
        retry_after=_retry_after(error) if category.retryable else None,
        # An agent whose code failed has worked until then.
        maybe_billed=in_stream or unsure or category is C.TOOL_FAILED,
        request_id=meta.get("RequestId"),
    )


def _category(code: str, status: int, message: str) -> FailureCategory:
    unknown = C.INVALID_REQUEST if 400 <= status < 500 else C.TRANSIENT
    category = _BY_CODE.get(code) or _BY_STATUS.get(status, unknown)
    return next(
        (
            refined
            for (coarse, words), refined in _BY_WORDS.items()
            if coarse is category and words in message
        ),
        category,
    )


def _unanswered(error: Exception, vendor: str) -> StepError:
    category, maybe_billed = kind_of(error, _BY_TRANSPORT)
    text = f"the call to {vendor} failed: {type(error).__name__} {error}".strip()
    cure = next((cure for kind, cure in _SETTINGS if isinstance(error, kind)), "")
    cure = cure or _CURES.get(category, "")
    return StepError(category, f"{text}; {cure}" if cure else text, maybe_billed=maybe_billed)


def _retry_after(error: aws.ClientError) -> timedelta | None:
    """The wait that is asked for: a member of the error, or the header."""
    seconds = cast("Any", error.response).get("retryAfterSeconds")
    if isinstance(seconds, int) and seconds > 0:
        return min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    headers = _part(error, "ResponseMetadata").get("HTTPHeaders")
    return retry_after(cast("Mapping[str, str]", headers)) if headers else None


def _part(error: aws.ClientError, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", error.response).get(name) or {}
