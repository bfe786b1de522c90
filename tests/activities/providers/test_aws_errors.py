"""How failures without an answer are classified, and what the messages say."""

from datetime import timedelta
from typing import Any

import botocore.eventstream
import botocore.exceptions as aws
import pytest
import urllib3.exceptions

from activities.providers.aws_errors import classify, code_of
from rota.failures import FailureCategory

C = FailureCategory
URL = "https://bedrock-runtime.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("error", "category", "billed", "words"),
    [
        (aws.NoCredentialsError(), C.AUTH, False, "runtime.profile"),
        (
            aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            C.AUTH,
            False,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (aws.CredentialRetrievalError(provider="sso", error_msg="gone"), C.AUTH, False, "gone"),
        (aws.UnauthorizedSSOTokenError(), C.AUTH, False, "credentials"),
        (aws.ProfileNotFound(profile="x"), C.INVALID_REQUEST, False, "set runtime.profile"),
        (aws.NoRegionError(), C.INVALID_REQUEST, False, "set runtime.region"),
        (aws.ParamValidationError(report="bad"), C.INVALID_REQUEST, False, "bad"),
        (aws.UnknownServiceError(service_name="x", known_service_names="y"), C.INVALID_REQUEST,
         False, "install boto3"),
        (aws.ConnectTimeoutError(endpoint_url=URL), C.TIMEOUT, False, URL),
        (aws.ReadTimeoutError(endpoint_url=URL), C.TIMEOUT, True, URL),
        (urllib3.exceptions.ReadTimeoutError(None, URL, "slow"), C.TIMEOUT, True, "slow"),  # pyright: ignore[reportArgumentType]
        (TimeoutError(), C.TIMEOUT, True, "TimeoutError"),
        (aws.EndpointConnectionError(endpoint_url=URL), C.TRANSIENT, False, URL),
        (aws.SSLError(endpoint_url=URL, error="expired"), C.TRANSIENT, False, "expired"),
        (aws.ConnectionClosedError(endpoint_url=URL), C.TRANSIENT, True, URL),
        (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), C.TRANSIENT, True, "2"),
        (urllib3.exceptions.ProtocolError("broken"), C.TRANSIENT, True, "broken"),
        (botocore.eventstream.ChecksumMismatch(1, 2), C.TRANSIENT, True, "Checksum"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
def test_classify_without_an_answer(
    error: Exception, category: FailureCategory, billed: bool, words: str
):
    """Where nothing arrived nothing is billed, and what can be mended is named."""
    failure = classify(error, vendor="Bedrock")
    assert (failure.category, failure.maybe_billed) == (category, billed)
    assert words in str(failure)
    assert str(failure).startswith("the call to Bedrock failed: ")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ThrottlingException", "throttling"),
        ("throttlingException", "throttling"),
        ("com.amazon#ThrottlingException", "throttling"),
        ("RuntimeClientError", "runtimeclient"),
        ("UnrecognizedClientException", "unrecognizedclient"),
    ],
)
def test_code_of_is_one_word_in_whatever_form(code: str, expected: str):
    """In streams the case differs, elsewhere the ending."""
    assert code_of(aws.ClientError({"Error": {"Code": code}}, "Converse")) == expected


def answered(code: str, **more: Any) -> aws.ClientError:
    """An error of AWS's with further members."""
    meta = {"HTTPStatusCode": 503, "HTTPHeaders": more.pop("headers", {}), "RequestId": "r1"}
    response: Any = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": meta} | more
    return aws.ClientError(response, "Converse")


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"retryAfterSeconds": 9}, 9),
        ({"retryAfterSeconds": 9, "headers": {"retry-after": "4"}}, 9),
        ({"headers": {"retry-after": "4"}}, 4),
        ({"retryAfterSeconds": 99_999}, 3600),
        ({"retryAfterSeconds": 0}, None),
        ({}, None),
    ],
)
def test_classify_wait_is_read_from_member_or_header(more: dict[str, Any], seconds: int | None):
    """AWS asks for a wait in either place, and for no longer than is sensible."""
    failure = classify(answered("ServiceUnavailableException", **more), vendor="AgentCore")
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert (failure.category, failure.retry_after) == (C.OVERLOADED, expected)
    assert failure.request_id == "r1"
