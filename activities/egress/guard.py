"""An HTTP client for URLs that somebody outside chose: a model, a page, a provider's answer.

Each request, and each redirect, goes through the same four steps: read the URL strictly,
look its origin up in the list, resolve the name once and judge every address, connect to
exactly one of them. The name is kept for TLS and the `Host` header only, so a name whose
next lookup answers differently gains nothing.

The name stays under its owner's control, as with every such guard: a listed host can
answer what it likes, and gets whatever the URL carries.
"""

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from socket import EAI_AGAIN, gaierror
from typing import cast
from urllib.parse import urljoin

import httpx2

from activities.egress.bodies import ACCEPTED_ENCODING, AnswerRefusedError, read_body
from activities.egress.network import PUBLIC, Network
from rota.security.addresses import Address
from rota.security.egress import EgressSpec, Origin, Target, is_listed, parse_target

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = frozenset({"host", "accept-encoding", "connection", "transfer-encoding"})
"""What no caller sets: the guard's own."""
_KEPT_ELSEWHERE = frozenset({"accept", "user-agent"})
"""All that a redirect to another origin takes along of a caller's headers: no credentials."""


class EgressRefusedError(Exception):
    """A request that was not sent; the message says why, without the URL's path."""


@dataclass(frozen=True)
class Answer:
    """What came back, read whole."""

    url: str
    """Where it came from, after redirects."""
    status: int
    headers: httpx2.Headers
    body: bytes
    """Unpacked."""


class GuardedClient:
    """Sends requests to origins that are listed, and to public addresses only.

    Keeps nothing between requests: no connections, no cookies. Safe to share.

    Args:
        egress: The fleet's list and limits.
        trusted: URLs that a person declared, of which the origins are allowed as they are,
            at private addresses too. Never from data.
        network: For tests: another resolver or other addresses.
    """

    def __init__(
        self, egress: EgressSpec, *, trusted: Iterable[str] = (), network: Network = PUBLIC
    ) -> None:
        self._egress = egress
        self._trusted = frozenset(parse_target(url).origin for url in trusted)
        self._network = network

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Answer:
        """Send one request and read its answer.

        Redirects of GET and HEAD are followed, each checked like a request of its own;
        other methods get the redirect as their answer.

        Raises:
            EgressRefusedError: nothing was sent to the last address; the list or an address
                forbids it.
            AnswerRefusedError: too large, packed in an unknown way, or redirected too often.
            TimeoutError: not whole within the fleet's limit.
            httpx2.TransportError: the host cannot be reached, or broke off.
        """
        async with asyncio.timeout(self._egress.timeout.total_seconds()):
            sent = dict(headers or {})
            for _ in range(MAX_REDIRECTS + 1):
                target, addresses = await self._checked(url)
                answer = await self._send(method, target, addresses, sent, content)
                location = answer.headers.get("location")
                followed = method in ("GET", "HEAD") and answer.status in _REDIRECTS
                if not followed or location is None:
                    return answer
                url = joined(str(target), location)
                sent = _along(sent, target.origin, url)
            raise AnswerRefusedError(f"redirected more than {MAX_REDIRECTS} times")

    async def _checked(self, url: str) -> tuple[Target, tuple[Address, ...]]:
        """Return the parts of a URL that may be asked, and the addresses to ask at."""
        try:
            target = parse_target(url)
        except ValueError as error:
            raise EgressRefusedError(f"refused: {error}") from error
        origin = target.origin
        trusted = origin in self._trusted
        if not trusted and not is_listed(origin, self._egress.allow):
            raise EgressRefusedError(
                f"refused: {origin} is not among the fleet's egress.allow: "
                f"{', '.join(self._egress.allow) or 'nothing is'}"
            )
        addresses = await self._addresses(origin)
        # All of them: an attacker would mix a public one in and wait for the other's turn.
        if not trusted and not all(self._network.admits(address) for address in addresses):
            raise EgressRefusedError(f"refused: {origin.host} has an address that is not public")
        return target, addresses

    async def _addresses(self, origin: Origin) -> tuple[Address, ...]:
        if origin.address is not None:
            return (origin.address,)
        try:
            found = await self._network.resolve(origin.host, origin.port)
        except gaierror as error:
            if error.errno == EAI_AGAIN:
                raise httpx2.ConnectError(f"{origin.host}: {error.strerror}") from error
            raise EgressRefusedError(f"refused: {origin.host} has no address") from error
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(f"{origin.host} cannot be looked up: {error}") from error
        if not found:
            raise EgressRefusedError(f"refused: {origin.host} has no address")
        return found

    async def _send(
        self,
        method: str,
        target: Target,
        addresses: tuple[Address, ...],
        headers: Mapping[str, str],
        content: bytes,
    ) -> Answer:
        *others, last = addresses
        for address in others:
            try:
                return await self._send_to(address, method, target, headers, content)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                # Nothing was sent: the next address, judged together with this one.
                continue
        return await self._send_to(last, method, target, headers, content)

    async def _send_to(
        self,
        address: Address,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes,
    ) -> Answer:
        origin = target.origin
        own = {"Host": origin.authority, "Accept-Encoding": ACCEPTED_ENCODING}
        given = {k: v for k, v in headers.items() if k.lower() not in _OWN_HEADERS}
        url = httpx2.URL(
            scheme=origin.scheme,
            host=str(address),
            port=origin.port,
            raw_path=target.path.encode("ascii"),
        )
        # Of one of several addresses, no more than its share of the time.
        extensions = {
            "sni_hostname": origin.host,
            "timeout": {"connect": self._egress.timeout.total_seconds() / 3},
        }
        request = httpx2.Request(
            method, url, headers={**given, **own}, content=content, extensions=extensions
        )
        async with self._network.transport() as transport:
            response = await transport.handle_async_request(request)
            try:
                encoding = response.headers.get("content-encoding", "")
                chunks = cast("AsyncIterable[bytes]", response.stream)
                body = await read_body(chunks, encoding, self._egress.max_bytes)
            finally:
                await response.aclose()
        return Answer(str(target), response.status_code, response.headers, body)


def joined(base: str, reference: str) -> str:
    """Return where `reference`, as an answer from `base` gives it, leads to.

    Never raises: what makes no URL comes back as it is, for `parse_target` to refuse.
    """
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _along(headers: Mapping[str, str], origin: Origin, url: str) -> dict[str, str]:
    """Return what a redirect to `url` takes along: no credentials to another origin."""
    try:
        same = parse_target(url).origin == origin
    except ValueError:
        same = False  # refused in a moment
    return {k: v for k, v in headers.items() if same or k.lower() in _KEPT_ELSEWHERE}
