"""Who may read what the gateway tells: whoever has the fleet's token, or everybody on loopback."""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from activities.notify.approval_links import approval_links
from activities.secrets import Secrets
from rota.approvals.links import ApprovalLinks
from rota.fleet_file import FleetFile
from workers.http_server import host_and_port

SHORTEST_TOKEN = 16
"""Characters: shorter ones are guessed."""

MISDIRECTED = (
    "a gateway without gateway.token answers as localhost, 127.0.0.1 and the host of gateway.url\n"
)

Endpoint = Callable[[Request], Awaitable[Response]]


class AccessError(Exception):
    """The gateway would be open to strangers; the message says what to write."""


@dataclass(frozen=True)
class Access:
    """The one token of a gateway."""

    token: str | None = None
    """None: whoever reaches the gateway may read."""
    host: str = ""
    """By which name it may be asked without a token, beside those of this machine."""

    def is_meant(self, request: Request) -> bool:
        """Return False if a page may have led a browser here by a name of its own.

        Such a name can be made to mean this machine, and then the page reads what is answered. It
        has no token; where none is asked for, the name in the request tells.
        """
        if self.token is not None:
            return True
        try:
            name = urlsplit(f"//{request.headers.get('host', 'localhost')}").hostname or ""
        except ValueError:
            return False
        return _is_this_machine(name) or name == self.host != ""

    def allows(self, request: Request) -> bool:
        """Return True if the request brings the token, as a bearer's or as a password."""
        if self.token is None:
            return True
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        given = value.strip()
        if scheme.lower() == "basic":
            given = _password(given)
        elif scheme.lower() != "bearer":
            return False
        # In bytes: texts that are not ASCII cannot be compared in constant time.
        return hmac.compare_digest(given.encode(), self.token.encode())

    def required(self, endpoint: Endpoint) -> Endpoint:
        """Return `endpoint`, answered with 401 for whoever may not read it."""

        async def guarded(request: Request) -> Response:
            if not self.is_meant(request):
                return PlainTextResponse(MISDIRECTED, 421)
            if not self.allows(request):
                refusal = PlainTextResponse("unauthorized\n", 401)
                # A line for each, what browsers ask people for first: they read no further than
                # the first scheme of a line.
                refusal.headers["WWW-Authenticate"] = 'Basic realm="rota", charset="UTF-8"'
                refusal.headers.append("WWW-Authenticate", 'Bearer realm="rota"')
                return refusal
            return await endpoint(request)

        return guarded


def secret_of(reference: str, key: str) -> str:
    """Return what a reference of `fleet.yaml` leads to.

    Raises:
        AccessError: nothing is there; the message says at which key.
    """
    try:
        return Secrets("this environment")(reference)
    except LookupError as error:
        raise AccessError(f"{key} of fleet.yaml: {error}") from error


def links_of(file: FleetFile, namespace: str) -> ApprovalLinks | None:
    """Return what reads a fleet's links to approvals; None if it declares none.

    Raises:
        AccessError: its secret is not there, or too short.
    """
    try:
        return approval_links(file, namespace, Secrets("this environment"))
    except LookupError as error:
        raise AccessError(f"gateway.links of fleet.yaml: {error}") from error


def access_with(token: str | None, listen: str, option: str, url: str | None = None) -> Access:
    """Return who may come, if that fits where the gateway listens.

    Args:
        token: What whoever comes has to bring.
        listen: Where the gateway listens.
        option: What that is called.
        url: Where people reach it.

    Raises:
        AccessError: anybody on the network could read, or the token is too short.
        ListenError: `listen` is no address.
    """
    if token is not None:
        _refuse_short(token, "gateway.token")
    if token is None and not is_loopback(listen, option):
        raise AccessError(
            f"{option}: {listen} is open to the network, and nobody would be asked who they are: "
            "declare gateway: {token: env:NAME} in fleet.yaml, or listen at 127.0.0.1"
        )
    return Access(token, (urlsplit(url).hostname or "") if url else "")


def readers_with(tokens: Mapping[str, str], listen: str, option: str) -> dict[str, Access]:
    """Return who may have payloads decrypted, by name, if that fits where the gateway listens.

    Raises:
        AccessError: anybody on the network could read, or a token is too short.
        ListenError: `listen` is no address.
    """
    for name, token in tokens.items():
        _refuse_short(token, f"gateway.decode.readers.{name}")
    if not tokens and not is_loopback(listen, option):
        raise AccessError(
            f"{option}: {listen} is open to the network, and anybody could have payloads "
            "decrypted: declare gateway: {decode: {readers: {NAME: env:NAME}}} in fleet.yaml, or "
            "listen at 127.0.0.1"
        )
    return {name: Access(token) for name, token in tokens.items()}


def is_loopback(listen: str, option: str) -> bool:
    """Return True if only this machine reaches `HOST:PORT`.

    Raises:
        ListenError: it is no address.
    """
    host, _ = host_and_port(listen, option)
    return _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name of this machine: whoever it is on the network.
        return False


def _refuse_short(token: str, key: str) -> None:
    if len(token) < SHORTEST_TOKEN:
        raise AccessError(
            f"{key} of fleet.yaml is shorter than {SHORTEST_TOKEN} characters: use a long random "
            "text"
        )


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
