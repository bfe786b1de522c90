"""Where a fleet's agents may send requests: URLs taken apart, and compared with a list.

Pure. A URL from outside is read strictly and only once: what connects uses the parts that
were read here, so that no second reader can take it for another address.
"""

import ipaddress
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from rota.language.durations import Duration
from rota.model import Declared
from rota.security.addresses import Address, is_public

PORTS = {"http": 80, "https": 443}
"""The schemes there are, with their usual ports."""
LONGEST_URL = 8000
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(#.*)?", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9/?&=%:@!$'()*+,;~\-._\[\]]")
"""Signs of a path and its query that do not travel as they are."""


class Origin(NamedTuple):
    """Scheme, host and port: what a permission is given for."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int

    @property
    def address(self) -> Address | None:
        """The address, if the host is none but a number."""
        return address_of(self.host)

    @property
    def authority(self) -> str:
        """As a `Host` header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Target(NamedTuple):
    """A URL, taken apart."""

    origin: Origin
    path: str
    """With its query, in ASCII; never empty."""

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


def address_of(host: str) -> Address | None:
    """Return `host` as an address, None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def parse_target(url: str) -> Target:
    """Take a URL apart.

    Raises:
        ValueError: it is none of HTTP, or written in a way that programs read differently;
            the message says what to write.
    """
    if len(url) > LONGEST_URL:
        raise ValueError(f"the URL is longer than {LONGEST_URL} characters")
    if re.search(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]", url):
        raise ValueError("the URL holds a space, a backslash or a control character")
    if not (found := _PARTS.fullmatch(url)):
        raise ValueError("not a whole URL; write https://host/path")
    scheme, authority, path, _ = found.groups()
    origin = _origin(scheme.lower(), authority)
    path = path if path.startswith("/") else f"/{path}"
    return Target(origin, _UNSAFE.sub(_percent_encoded, path))


def _percent_encoded(sign: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.group().encode(errors="replace"))


def _origin(scheme: str, authority: str) -> Origin:
    if scheme not in PORTS:
        raise ValueError(f"the scheme '{scheme[:20]}' is not http or https")
    if "@" in authority:
        raise ValueError("a URL with a user or password before the host is refused")
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", authority)
    plain = re.fullmatch(r"([^:\[\]]*)(?::(\d{1,5}))?", authority)
    if not (found := bracketed or plain):
        raise ValueError("what follows :// is no host and port")
    host, digits = found.groups()
    port = int(digits) if digits else PORTS[scheme]
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port")
    return Origin(scheme, _ipv6(host) if bracketed else read_host(host), port)


def _ipv6(text: str) -> str:
    try:
        if "%" in text or not text.isascii():
            raise ValueError
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError("what stands in brackets is no IPv6 address") from None


def read_host(text: str) -> str:
    """Return a host in the one form it is compared and resolved in.

    Raises:
        ValueError: no host, or a number that programs read as different addresses.
    """
    if not text.isascii():
        raise ValueError("the host holds signs beyond ASCII; write its xn-- form")
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("the host is no domain name and no address")
    # What ends in a number is read as an address by every library, each in its own way:
    # octal, hexadecimal, short and whole forms among them.
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("a host of numbers is written as four decimal ones") from None
    return host


def _allowed_origin(value: str) -> str:
    scheme, _, rest = value.rpartition("://")
    wild = rest.startswith("*.")
    try:
        target = parse_target(f"{scheme or 'https'}://{rest[2:] if wild else rest}")
        if target.path != "/" or rest.endswith(("/", "?", "#")) or value.startswith("://"):
            raise ValueError("a permission is for a whole host: leave the path out")
        address = target.origin.address
        if wild and (address or "." not in target.origin.host):
            raise ValueError("*. stands before a domain of at least two parts")
        if address and not is_public(address):
            raise ValueError("no address of the public internet; it is refused in any case")
    except ValueError as error:
        raise ValueError(
            f"'{value[:80]}': {error}; for example https://api.example.com or *.wikipedia.org"
        ) from None
    if not wild:
        return str(target.origin)
    host, _, _ = target.origin.authority.partition(":")
    return str(target.origin).replace(host, f"*.{host}", 1)


AllowedOrigin = Annotated[str, AfterValidator(_allowed_origin)]
"""`https://api.example.com`, `*.wikipedia.org` (its subdomains, by https), with a port or
without; kept with its scheme."""


class EgressSpec(Declared):
    """The `egress` block: what a URL that a model chose may lead to."""

    allow: tuple[AllowedOrigin, ...] = Field(default=(), max_length=1000)
    """Hosts that may be asked, such as `https://api.example.com`; `*.wikipedia.org` is every
    host below that domain. Nothing else is. Private addresses are refused in any case."""
    max_bytes: int = Field(default=1_000_000, ge=1, le=100_000_000)
    """Bytes one answer may have, unpacked."""
    timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), le=timedelta(minutes=10)
    )
    """Longest time for one answer, redirects included."""

    def allows(self, origin: Origin) -> bool:
        """Return True if the list holds `origin`."""
        return is_listed(origin, self.allow)


def is_listed(origin: Origin, allowed: Iterable[str]) -> bool:
    """Return True if one of `allowed`, as `AllowedOrigin` keeps them, is or covers `origin`."""
    if str(origin) in (listed := tuple(allowed)):
        return True
    if origin.address is not None:
        return False
    labels = origin.host.split(".")
    above = (".".join(labels[index:]) for index in range(1, len(labels)))
    return any(str(origin._replace(host=f"*.{host}")) in listed for host in above)
