"""Which server a process talks to, and whether the way there may be in the clear.

Temporal's own environment configuration says it, so that whatever the `temporal` CLI can reach,
Rota can. A connection without TLS carries inputs, results and credentials in the clear: within one
machine nobody else listens, beyond it somebody must have said that the network is private.
"""

import ipaddress

from temporalio.envconfig import ClientConfig, ClientConnectConfig

from workers.settings import Settings

DEFAULT_ADDRESS = "localhost:7233"


class UnreachableError(Exception):
    """No server answered, or none that would have us; the message says where, and why."""


def target_of(settings: Settings) -> tuple[str, str]:
    """Return (address, namespace) that `connect` will use.

    Raises:
        UnreachableError: Temporal's environment configuration cannot be read, or the address
            is no host and port.
    """
    config = configuration()
    address = settings.address or config.get("target_host") or DEFAULT_ADDRESS
    if "://" in address:
        bare = address.partition("://")[2].rstrip("/")
        raise UnreachableError(
            f"'{address}' is no address of a Temporal server, which has no scheme: write "
            f"host:port, such as {bare or DEFAULT_ADDRESS} (and TEMPORAL_TLS=true for TLS)"
        )
    namespace = settings.namespace or config.get("namespace") or "default"
    return address, namespace


def configuration() -> ClientConnectConfig:
    """Return what Temporal's environment configuration says.

    Raises:
        UnreachableError: it cannot be read.
    """
    try:
        return ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        raise UnreachableError(
            f"Temporal's environment configuration: {error}; mend TEMPORAL_PROFILE, "
            "TEMPORAL_CONFIG_FILE or the file it names"
        ) from error


def refuse_plaintext(address: str, config: ClientConnectConfig) -> None:
    """Let a connection without TLS go no further than this machine.

    Args:
        address: Where it goes.
        config: As `configuration` gave it. An API key alone means TLS, unless that is off.

    Raises:
        UnreachableError: it would leave this machine in the clear.
    """
    tls = config.get("tls")
    encrypted = bool(tls) or (tls is None and bool(config.get("api_key")))
    if not encrypted and not is_loopback(address):
        raise UnreachableError(
            f"the way to {address} is not encrypted: set TEMPORAL_TLS=true (or TEMPORAL_API_KEY), "
            "or, on a network that is yours alone, --allow-plaintext or ROTA_ALLOW_PLAINTEXT=true"
        )


def is_loopback(address: str) -> bool:
    """True if `host:port` is this machine and needs no network to be reached."""
    host = address.rpartition(":")[0].strip("[]").lower() or address.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
