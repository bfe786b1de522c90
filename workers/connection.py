"""Connect to Temporal the way its own tools do."""

import logging
import os
import re

from temporalio.client import Client
from temporalio.common import HeaderCodecBehavior
from temporalio.envconfig import ClientConnectConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import GrpcCompression

from activities.encryption.encryption import Encryption
from activities.stores.base import ObjectStore
from rota.metrics.kinds import Source
from rota.metrics.listed import METRICS, STEP_BOUNDS
from workers.encryption import encryption_of
from workers.plugin import RotaPlugin
from workers.settings import Settings
from workers.target import (
    UnreachableError,
    configuration,
    is_loopback,
    refuse_plaintext,
    target_of,
)
from workers.tracing.switch import trace_plugins

__all__ = ["UnreachableError", "connect", "quiet_core", "target_of"]

_STATUS = re.compile(r'Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"')
_MEANINGS = (
    (
        "InvalidContentType",
        "what answers there speaks no TLS; TEMPORAL_TLS or an API key asks for it",
    ),
    ("NotValidForName", "its certificate is for another name; TEMPORAL_TLS_SERVER_NAME says which"),
    (
        "UnknownIssuer",
        "nobody known here vouches for its certificate; TEMPORAL_TLS_SERVER_CA_CERT_PATH names who",
    ),
    ("InvalidCertificate(Expired", "its certificate has expired"),
    ("dns error", "there is no such host"),
)
"""By a sign in the client core's own words, which nest deep: what they mean."""
LONG_STEPS = ("temporal_activity_execution_latency", "temporal_activity_succeed_endtoend_latency")
"""The SDK's metrics that hold how long models and tools take."""
_REASON_LIMIT = 300
"""Characters kept of the client core's own words, which nest deep."""


async def connect(
    settings: Settings,
    store: ObjectStore | None,
    *,
    metrics: str | None = None,
    works: bool = False,
) -> Client:
    """Connect a client that speaks Rota's payloads, encrypted if keys are declared.

    Args:
        settings: Where the server is.
        store: Where large payloads lie.
        metrics: `host:port` to serve the SDK's Prometheus metrics at, for as long as the
            process lives. For workers only: one port has one owner.
        works: Workers run on it: they record traces, if the environment says where to.

    Raises:
        UnreachableError: no server there, it refused the credentials, the way there would be in
            the clear, or the metrics' port is taken.
        DeclarationErrors, KeySourceError: as `encryption_of`.
        SettingsError: likewise; or as `trace_plugins`.
    """
    address, namespace = target_of(settings)
    config = configuration()
    if not settings.allow_plaintext:
        refuse_plaintext(address, config)
    encryption = encryption_of(settings)
    config["target_host"] = address
    config["namespace"] = namespace
    traces = trace_plugins(os.environ, works=works)
    runtime = _runtime(metrics)
    try:
        return await Client.connect(
            **config,
            plugins=[RotaPlugin(store, encryption), *traces],
            runtime=runtime,
            header_codec_behavior=headers_of(encryption),
            grpc_compression=_compression(address),
        )
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


def _compression(address: str) -> GrpcCompression:
    """None on the way to this same host: it cost server and worker a twentieth of their time."""
    return GrpcCompression.NONE if is_loopback(address) else GrpcCompression.GZIP


def headers_of(encryption: Encryption | None) -> HeaderCodecBehavior:
    """Return what the SDK does with headers: they are encrypted as all else is."""
    return HeaderCodecBehavior.CODEC if encryption else HeaderCodecBehavior.NO_CODEC


def _reason(text: str, config: ClientConnectConfig) -> str:
    """Say in one line what the client core says, without the credentials it was given."""
    # Should a header be unfit to send, for example, its value is part of the complaint.
    metadata = config.get("rpc_metadata") or {}
    for secret in (config.get("api_key"), *metadata.values()):
        if isinstance(secret, str) and secret:
            text = text.replace(secret, "***")
    if meaning := next((told for sign, told in _MEANINGS if sign in text), None):
        return meaning
    if status := _STATUS.search(text):
        text = f"{status[1]}: {status[2]}"
    text = " ".join(text.removeprefix("Failed client connect: ").split())
    return text if len(text) <= _REASON_LIMIT else f"{text[:_REASON_LIMIT]}…"


def quiet_core() -> None:
    """Send the client core's own log to the logger `temporal.core`; once per process.

    Left alone it prints to standard output, where a command's answer belongs.
    """
    Runtime.set_default(Runtime(telemetry=_telemetry(None)), error_if_already_set=False)


def _runtime(metrics: str | None) -> Runtime | None:
    if metrics is None:
        return None
    try:
        return Runtime(telemetry=_telemetry(_prometheus(metrics)))
    except (RuntimeError, ValueError) as error:
        raise UnreachableError(
            f"metrics cannot be served at {metrics}: {error}; give a free host:port, for "
            "example 127.0.0.1:9464"
        ) from error


def _prometheus(listen: str) -> PrometheusConfig:
    """Default names, so that Temporal's boards work; buckets that a model's answer fits into.

    The SDK's own end at a minute, in milliseconds; ours are seconds.
    """
    own = {
        name: list(each.bounds) for name, each in METRICS.items() if each.source is Source.WORKER
    }
    millis = [1000.0 * bound for bound in STEP_BOUNDS]
    return PrometheusConfig(
        listen, histogram_bucket_overrides={**own, **dict.fromkeys(LONG_STEPS, millis)}
    )


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
