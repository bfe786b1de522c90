"""The boto3 clients of a worker, made once each, and a look at whether they can work.

Runs in activities. Retries are off: Temporal owns every retry, and a retried call is paid for
twice. Credentials come from boto3's own chain, which renews them.

Source: boto3 1.44.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from botocore.awsrequest import AWSRequest  # pyright: ignore[reportMissingTypeStubs]
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionError,
    HTTPClientError,
)
from botocore.httpsession import URLLib3Session  # pyright: ignore[reportMissingTypeStubs]
from botocore.utils import (  # pyright: ignore[reportMissingTypeStubs]
    get_environ_proxies,  # pyright: ignore[reportUnknownVariableType]
)

from activities.aws_session import aws_session
from activities.providers.aws_errors import PROVIDER_ERRORS, classify
from activities.providers.aws_threads import Line, in_thread
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.aws_account import AwsSettings
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Probe

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 10.0
"""Enough for a slow handshake; an unreachable host should fail while it is cheap."""
PROBE_TIMEOUT_SECONDS = 10.0
"""A look at credentials or an address answers at once or is not worth waiting for."""
GRACE_SECONDS = 30.0
"""By how much a connection outlives the silence that a session is allowed: whoever watches
decides that it was silent for too long, and this ends the thread that nobody listens to."""
POOL = 100
"""Connections kept open to one service: a session holds one as long as it works."""

_MAKING = threading.Lock()
"""Making a client is not safe in parallel; using one is."""

_Key = tuple[str | None, str | None, str | None, float]


class AwsClients:
    """The clients of one runtime. Safe to use from any thread.

    Args:
        service: As boto3 names it: `bedrock-runtime`.
        vendor: The same as people call it, for messages.
    """

    def __init__(self, service: str, vendor: str) -> None:
        self._service = service
        self._vendor = vendor
        self._clients: dict[_Key, Any] = {}

    def get(self, settings: AwsSettings, read_timeout: float) -> Any:
        """Return the client for these settings. Blocks: the first one takes a while.

        Args:
            settings: Whose region, profile and endpoint count.
            read_timeout: Longest silence in an answer, in seconds.
        """
        key = _key(settings, read_timeout)
        with _MAKING:
            if key not in self._clients:
                self._clients[key] = self._make(settings, read_timeout)
            return self._clients[key]

    async def call(
        self,
        settings: AwsSettings,
        read_timeout: float,
        work: Callable[[Any, Line], T],
        *,
        what: str,
    ) -> T:
        """Run `work` with the client in a thread of its own.

        Args:
            settings: As in `get`.
            read_timeout: As in `get`.
            work: Gets the client, and the line for the stream that it reads from.
            what: The setting that names what is called.

        Raises:
            StepError: the call failed, classified.
        """

        def run(line: Line) -> T:
            return work(self.get(settings, read_timeout), line)

        try:
            return await in_thread(run, f"rota-{self._service}")
        except PROVIDER_ERRORS as error:
            # Without `from None` the cause would travel along in the failure.
            raise classify(error, vendor=self._vendor, what=what) from None

    async def ready(self, settings: AwsSettings, read_timeout: float, *, what: str) -> None:
        """Make the client, if it is not there yet: a second or two on a busy machine.

        Raises:
            StepError: the settings name nothing that can be called.
        """
        if _key(settings, read_timeout) in self._clients:
            return
        await self.call(settings, read_timeout, lambda client, line: None, what=what)

    async def aclose(self) -> None:
        """Close idle connections; calls in flight end by themselves. Safe to repeat."""
        with _MAKING:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            await in_thread(lambda line, client=client: client.close(), "close")

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Ask AWS who we are, and the service's address for any answer. Costs nothing."""
        if not isinstance(settings, AwsSettings):
            raise TypeError(f"settings of a runtime on AWS expected, not {type(settings).__name__}")
        try:
            return await in_thread(lambda _: self._look(settings), "probe")
        except PROVIDER_ERRORS as error:
            failure = classify(error, vendor=self._vendor)
            found, _, cure = str(failure).rpartition("; ")
            return Probe(ok=False, found=found or cure, cure=cure if found else "")

    def _look(self, settings: AwsSettings) -> Probe:
        session = aws_session(settings.region, settings.profile)
        credentials = session.get_credentials()
        source = credentials.method if credentials else "nowhere"
        with _MAKING:
            sts = session.create_client("sts", config=_config(PROBE_TIMEOUT_SECONDS))
        cure = ""
        try:
            who = sts.get_caller_identity()["Arn"]
        except (ConnectionError, HTTPClientError) as error:
            # A network may let through to the service alone, and runs need no more than that.
            who = "nobody knows who"
            why = " ".join(str(error).split())
            cure = f"STS, which only this check asks, is not reached: {why}"
        client = self.get(settings, PROBE_TIMEOUT_SECONDS)
        url = client.meta.endpoint_url
        # Any answer will do, a refusal too: it is the way there that is looked at.
        web = URLLib3Session(proxies=get_environ_proxies(url), timeout=PROBE_TIMEOUT_SECONDS)
        web.send(AWSRequest("GET", url).prepare())
        return Probe(ok=True, found=f"{who} (credentials: {source}), {url} answers", cure=cure)

    def _make(self, settings: AwsSettings, read_timeout: float) -> Any:
        session = aws_session(settings.region, settings.profile)
        return session.create_client(
            self._service,
            endpoint_url=settings.endpoint_url,
            config=_config(read_timeout),
        )


def _key(settings: AwsSettings, read_timeout: float) -> _Key:
    return settings.region, settings.profile, settings.endpoint_url, read_timeout


def held_for(inactivity: timedelta) -> float:
    """How long the connection of a session may be silent, in seconds."""
    return inactivity.total_seconds() + GRACE_SECONDS


def operation(client: Any, name: str) -> Callable[..., Any]:
    """Return the client's method of that name.

    Raises:
        StepError: the installed boto3 does not know it yet, or no longer.
    """
    found = getattr(client, name, None)
    if found is None:
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"the boto3 on this worker has no {name}; install boto3 1.44 or newer",
        )
    return found


def _config(read_timeout: float) -> Config:
    return Config(
        connect_timeout=min(read_timeout, CONNECT_TIMEOUT_SECONDS),
        read_timeout=read_timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=POOL,
        # A session may be silent for minutes; without it a gateway on the way forgets it.
        tcp_keepalive=True,
    )
