"""How the guarded client reaches the network: names to addresses, addresses to connections.

Apart from the guard, so that a test can give it a network of its own. Nothing in a file or
in an answer leads here: only code that makes a client can.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2

from activities.trusted_roots import trusted_roots
from rota.security.addresses import Address, is_public

Resolver = Callable[[str, int], Awaitable[tuple[Address, ...]]]
"""Every address of a host, in the order to be tried. Raises OSError if there is none."""


async def resolve_by_system(host: str, port: int) -> tuple[Address, ...]:
    """Ask the system's resolver, once.

    Raises:
        OSError: the name is unknown, or nobody can be asked.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # The zone of a link-local address stays in: it is refused with it.
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    return tuple(dict.fromkeys(addresses))


def direct_transport() -> httpx2.AsyncBaseTransport:
    """Make what sends one request, straight to the address it names.

    No proxy of the environment is used: it would look the name up again. No connection is
    kept: one that was opened for a name must not serve another at the same address.
    """
    limits = httpx2.Limits(max_keepalive_connections=0)
    return httpx2.AsyncHTTPTransport(verify=trusted_roots(), trust_env=False, limits=limits)


@dataclass(frozen=True)
class Network:
    """The ways of the guarded client to the network."""

    resolve: Resolver = resolve_by_system
    admits: Callable[[Address], bool] = is_public
    """Whether an address may be connected to at all."""
    transport: Callable[[], httpx2.AsyncBaseTransport] = direct_transport
    """Makes what sends one request."""


PUBLIC = Network()
"""The internet, and no network of our own."""
