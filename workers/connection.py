"""Connect to Temporal the way its own tools do."""

import logging
import re

from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from activities.stores.base import ObjectStore
from workers.plugin import RotaPlugin
from workers.settings import Settings

DEFAULT_ADDRESS = "localhost:7233"


_STATUS = re.compile(r'Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"')
_REASON_LIMIT = 300
"""Characters kept of the client core's own words, which nest deep."""


class UnreachableError(Exception):
    """No server answered, or none that would have us; the message says where, and why."""


def target_of(settings: Settings) -> tuple[str, str]:
    """Return (address, namespace) that `connect` will use.

    Raises:
        UnreachableError: Temporal's environment configuration cannot be read, or the address
            is no host and port.
    """
    config = _configuration()
    address = settings.address or config.get("target_host") or DEFAULT_ADDRESS
    if "://" in address:
        bare = address.partition("://")[2].rstrip("/")
        raise UnreachableError(
            f"'{address}' is no address of a Temporal server, which has no scheme: write "
            f"host:port, such as {bare or DEFAULT_ADDRESS} (and TEMPORAL_TLS=true for TLS)"
        )
    namespace = settings.namespace or config.get("namespace") or "default"
    return address, namespace


async def connect(
    settings: Settings, store: ObjectStore | None, *, metrics: str | None = None
) -> Client:
    """Connect a client that speaks Rota's payloads.

    Args:
        settings: Where the server is.
        store: Where large payloads lie.
        metrics: `host:port` to serve the SDK's Prometheus metrics at, for as long as the
            process lives. For workers only: one port has one owner.

    Raises:
        UnreachableError: no server there, it refused the credentials, or the metrics'
            port is taken.
    """
    address, namespace = target_of(settings)
    config = _configuration()
    config["target_host"] = address
    config["namespace"] = namespace
    runtime = _runtime(metrics)
    try:
        return await Client.connect(**config, plugins=[RotaPlugin(store)], runtime=runtime)
    except (RuntimeError, ValueError) as error:
        place = f"{address} (namespace {namespace})"
        if "ConnectionRefused" in str(error):
            told = (
                f"no Temporal server answers at {place}: start one with 'rota dev', or set "
                "TEMPORAL_ADDRESS"
            )
        else:
            told = (
                f"cannot use the Temporal server at {place}: {_reason(str(error), config)}; check "
                "TEMPORAL_ADDRESS, TEMPORAL_API_KEY, TLS and its certificates"
            )
        # Without the cause: its text may hold what `_reason` takes out.
        raise UnreachableError(told) from None


def _reason(text: str, config: ClientConnectConfig) -> str:
    """Say in one line what the client core says, without the credentials it was given."""
    # Should a header be unfit to send, for example, its value is part of the complaint.
    metadata = config.get("rpc_metadata") or {}
    for secret in (config.get("api_key"), *metadata.values()):
        if isinstance(secret, str) and secret:
            text = text.replace(secret, "***")
    if status := _STATUS.search(text):
        text = f"{status[1]}: {status[2]}"
    text = " ".join(text.removeprefix("Failed client connect: ").split())
    return text if len(text) <= _REASON_LIMIT else f"{text[:_REASON_LIMIT]}…"


def _configuration() -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        raise UnreachableError(
            f"Temporal's environment configuration: {error}; mend TEMPORAL_PROFILE, "
            "TEMPORAL_CONFIG_FILE or the file it names"
        ) from error


def quiet_core() -> None:
    """Send the client core's own log to the logger `temporal.core`; once per process.

    Left alone it prints to standard output, where a command's answer belongs.
    """
    Runtime.set_default(Runtime(telemetry=_telemetry(None)), error_if_already_set=False)


def _runtime(metrics: str | None) -> Runtime | None:
    if metrics is None:
        return None
    try:
        return Runtime(telemetry=_telemetry(PrometheusConfig(metrics)))
    except (RuntimeError, ValueError) as error:
        raise UnreachableError(
            f"metrics cannot be served at {metrics}: {error}; give a free host:port, for "
            "example 127.0.0.1:9464"
        ) from error


def _telemetry(metrics: PrometheusConfig | None) -> TelemetryConfig:
    return TelemetryConfig(
        logging=LoggingConfig(
            filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
            forwarding=LogForwardingConfig(
                logger=logging.getLogger("temporal.core"),
                append_target_to_name=False,
                prepend_target_on_message=False,
            ),
        ),
        metrics=metrics,
    )
