"""Networks for tests of the guard: names that are known, connections that are only noted."""

import gzip
import ipaddress
from collections.abc import Callable, Iterable
from socket import EAI_NONAME, gaierror

import httpx2

from activities.egress.network import Network, direct_transport
from rota.security.addresses import Address, is_public

PUBLIC_ADDRESS = "93.184.216.34"
Answering = Callable[[httpx2.Request], httpx2.Response]


class NotedNetwork:
    """Answers look-ups from a table, and every request by a function, without a socket.

    Args:
        names: By host: one list of addresses for each look-up, the last one for all further.
        answer: What every request is answered with.
    """

    def __init__(
        self,
        names: dict[str, list[list[str]]] | None = None,
        answer: Answering = lambda _: httpx2.Response(200, text="fine"),
    ) -> None:
        self.names = names or {}
        self.lookups: list[str] = []
        self.requests: list[httpx2.Request] = []
        self._answer = answer

    @property
    def connected(self) -> list[str]:
        """The addresses that were connected to, in order."""
        return [request.url.host for request in self.requests]

    @property
    def network(self) -> Network:
        """What to give to a client."""
        return Network(
            resolve=self._resolve,
            transport=lambda: httpx2.MockTransport(self._respond),
        )

    async def _resolve(self, host: str, port: int) -> tuple[Address, ...]:
        self.lookups.append(host)
        turns = self.names.get(host)
        if not turns:
            raise gaierror(EAI_NONAME, "unknown")
        turn = turns[min(self.lookups.count(host), len(turns)) - 1]
        return tuple(ipaddress.ip_address(text) for text in turn)

    async def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)


def loopback_network(hosts: Iterable[str] = ()) -> Network:
    """The real network, with these names at 127.0.0.1, which may be connected to."""
    names = set(hosts)

    async def resolve(host: str, port: int) -> tuple[Address, ...]:
        if host not in names:
            raise gaierror(EAI_NONAME, "unknown")
        return (ipaddress.ip_address("127.0.0.1"),)

    def admits(address: Address) -> bool:
        return is_public(address) or str(address) == "127.0.0.1"

    return Network(resolve=resolve, admits=admits, transport=direct_transport)


def bomb(size: int) -> bytes:
    """So many zeros, packed."""
    return gzip.compress(bytes(size))
