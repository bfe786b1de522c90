"""How failures travel into history: without any secret that was given out in this process.

Used by client, worker, replayer and tests, as a part of `activities.converter`. Whoever raises
takes care already; here the rest is caught, down the chain of causes and in their stack
traces: a provider's words that repeat a key, a library's exception that holds a header.
"""

from datetime import timedelta

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError

from activities.encryption.marks import RefusedPayloadError
from activities.secrets import Secrets
from activities.stores.base import KeyNeededError
from rota.failures import FailureCategory

HIDDEN = "Encoded failure"
"""What stands in place of an encrypted message; the SDK's own words, so that tools know them."""
KEY_DELAY = timedelta(minutes=5)
"""Until a step is tried again whose key is not here: each try counts as one of its attempts, and
putting a key back takes people minutes, not seconds."""

_TOLD = (KeyNeededError.__name__, RefusedPayloadError.__name__)
"""Types that stay readable: whoever is to put a key back cannot read what it encrypts. Nothing but
ids of keys and names of settings and blobs is in their words."""


class SafeFailureConverter(DefaultFailureConverter):
    """Temporal's own form, with secrets cut out of its texts."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Write `exception` into `failure`; its causes come here, too."""
        super().to_failure(exception, payload_converter, failure)
        secrets = Secrets()
        failure.message = secrets.redact(failure.message)
        failure.stack_trace = secrets.redact(failure.stack_trace)
        lack = _lack_in(exception)
        if lack is None or not failure.HasField("application_failure_info"):
            return
        failure.application_failure_info.next_retry_delay.FromTimedelta(KEY_DELAY)
        if isinstance(exception, ApplicationError):
            # Of a step's input the SDK says no more than that it cannot be decoded.
            failure.message = str(lack)
            failure.application_failure_info.type = FailureCategory.AUTH.value


def _lack_in(error: BaseException | None) -> KeyNeededError | None:
    """Return the lack of a key that led to an error, if one did."""
    while error is not None and not isinstance(error, KeyNeededError):
        error = error.__cause__
    return error


class SealedFailureConverter(SafeFailureConverter):
    """Messages and stack traces as a payload, which the codec encrypts."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Write `exception` into `failure`; its causes come here, too."""
        super().to_failure(exception, payload_converter, failure)
        # Its words are then those of the lack.
        told = isinstance(exception, ApplicationError) and _lack_in(exception) is not None
        _hide(failure, payload_converter, told=told)


def _hide(failure: Failure, payload_converter: PayloadConverter, *, told: bool = False) -> None:
    """Move the texts of a failure, and of what it passes on from elsewhere, into payloads."""
    told = told or failure.application_failure_info.type in _TOLD
    hidden = failure.message == HIDDEN and failure.HasField("encoded_attributes")
    if not (told or hidden):
        texts = {"message": failure.message, "stack_trace": failure.stack_trace}
        failure.encoded_attributes.CopyFrom(payload_converter.to_payloads([texts])[0])
        failure.message, failure.stack_trace = HIDDEN, ""
    if failure.HasField("cause"):
        _hide(failure.cause, payload_converter)
