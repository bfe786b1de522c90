"""How failures travel into history: without any secret that was given out in this process.

Used by client, worker, replayer and tests, as a part of `activities.converter`. Whoever raises
takes care already; here the rest is caught, down the chain of causes and in their stack
traces: a provider's words that repeat a key, a library's exception that holds a header.
"""

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter

from activities.secrets import Secrets


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
