"""Agents on AWS that answer once, to whoever made the call.

Activity side. Their sessions have a name of our own and no place where an answer lies, so the
runtimes have a part in common: whatever does not depend on how the call is made.
"""

from activities.providers.aws_clients import AwsClients
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Probe
from rota.runtimes.session import Collected, ProviderSession, SessionRequest, Told


class AwsOneCall:
    """Part of a `rota.runtimes.session.SessionRuntime`; `observe` makes the call.

    Args:
        service: As boto3 names it.
        vendor: Who is called, as people say.
    """

    def __init__(self, service: str, vendor: str) -> None:
        self._clients = AwsClients(service, vendor)
        self._vendor = vendor

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Take note. No call: `observe` makes it, with `request.resumed`."""
        return session.model_copy(update={"told": True})

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Fail: the answer is given once, to whoever made the call.

        Raises:
            StepError: `outcome_unknown`.
        """
        raise StepError(
            FailureCategory.OUTCOME_UNKNOWN,
            f"{self._vendor} cannot be asked again for the answer of session {session.id}",
        )

    async def aclose(self) -> None:
        """Close idle connections; calls in flight end by themselves. Safe to repeat."""
        await self._clients.aclose()

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Check credentials and the way to the service; the agent itself is not called."""
        return await self._clients.probe(settings)
