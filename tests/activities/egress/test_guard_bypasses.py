"""Known ways around a guard of URLs, each by name: none of them leads to a connection."""

import ipaddress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.egress.guard import EgressRefusedError, GuardedClient
from rota.security.egress import EgressSpec
from tests.activities.egress.networks import PUBLIC_ADDRESS, NotedNetwork

ALLOW = ("https://good.example", "http://good.example", "https://*.wild.example")


class Case(NamedTuple):
    url: str
    answers: tuple[str, ...] = (PUBLIC_ADDRESS,)
    """Of the look-up of whatever name it is."""


def answered(*addresses: str) -> Case:
    """A listed name whose owner answers look-ups with these addresses."""
    return Case("https://good.example/", addresses)


BYPASSES = {
    "loopback": Case("http://127.0.0.1/"),
    "loopback, another one": Case("http://127.8.9.1/"),
    "IPv4 decimal": Case("http://2130706433/"),
    "IPv4 octal": Case("http://0177.0.0.1/"),
    "IPv4 octal whole": Case("http://017700000001/"),
    "IPv4 hexadecimal": Case("http://0x7f000001/"),
    "IPv4 hexadecimal parts": Case("http://0x7f.0x0.0x0.0x1/"),
    "IPv4 short": Case("http://127.1/"),
    "IPv4 zero": Case("http://0/"),
    "IPv4 overflow": Case("http://4294967297/"),
    "IPv4 with a trailing dot": Case("http://127.0.0.1./"),
    "IPv4 after a name": Case("http://good.example.127.0.0.1/"),
    "full-width digits": Case("http://１２７.0.0.1/"),
    "circled digits": Case("http://①②⑦.⓪.⓪.①/"),
    "full-width dot": Case("http://127。0。0。1/"),
    "metadata of clouds": Case("http://169.254.169.254/latest/meta-data/"),
    "IPv6 loopback": Case("http://[::1]/"),
    "IPv6 unspecified": Case("http://[::]/"),
    "IPv6 mapped": Case("http://[::ffff:127.0.0.1]/"),
    "IPv6 mapped, in hexadecimal": Case("http://[::ffff:7f00:1]/"),
    "IPv6 compatible": Case("http://[::7f00:1]/"),
    "IPv6 6to4": Case("http://[2002:7f00:1::]/"),
    "IPv6 Teredo": Case("http://[2001:0:7f00:1::80ff:fffe]/"),
    "IPv6 NAT64": Case("http://[64:ff9b::7f00:1]/"),
    "IPv6 zone": Case("http://[fe80::1%25eth0]/"),
    "IPv6 zone, bare": Case("http://[fe80::1%eth0]/"),
    "user is a good host": Case("https://good.example@evil.example/"),
    "user and password": Case("https://good.example:443@127.0.0.1/"),
    "user, percent-encoded": Case("https://good.example%40evil.example/"),
    "two users": Case("https://a@good.example@evil.example/"),
    "backslash": Case("https://good.example\\@evil.example/"),
    "backslashes for slashes": Case("https:\\\\evil.example/"),
    "fragment before the user": Case("https://evil.example#@good.example/"),
    "query before the user": Case("https://evil.example?@good.example/"),
    "slash is missing": Case("https:/evil.example/"),
    "scheme is missing": Case("//evil.example/"),
    "percent-encoded host": Case("http://%31%32%37.0.0.1/"),
    "percent-encoded dot": Case("https://evil%2eexample/"),
    "upper case of another host": Case("HTTPS://EVIL.EXAMPLE/"),
    "zero byte": Case("https://good.example\x00.evil.example/"),
    "line break": Case("https://good.example\r\nHost: evil.example/"),
    "tab": Case("https://good\t.example/"),
    "space": Case("https://evil.example /"),
    "leading space": Case(" https://evil.example/"),
    "soft hyphen": Case("https://go\u00adod.example/"),
    "name of another script": Case("https://gооd.example/"),
    "empty label": Case("https://good..example/"),
    "two trailing dots": Case("https://good.example../"),
    "other port": Case("https://good.example:22/"),
    "port out of range": Case("https://good.example:65536/"),
    "port of words": Case("https://good.example:https/"),
    "other scheme": Case("file:///etc/passwd"),
    "scheme of another protocol": Case("gopher://good.example:6379/_FLUSHALL"),
    "name that begins like a good one": Case("https://good.example.evil.example/"),
    "name that ends like a good one": Case("https://evilgood.example/"),
    "domain above a wildcard": Case("https://wild.example/"),
    "name that ends like a wildcard": Case("https://evilwild.example/"),
    "listed host, other scheme": Case("http://a.wild.example/"),
    "localhost by name": Case("http://localhost/", ("127.0.0.1",)),
    "nip.io": Case("http://127.0.0.1.nip.io/", ("127.0.0.1",)),
    "name at loopback": answered("127.0.0.1"),
    "name at this host": answered("0.0.0.0"),
    "name at a private address": answered("10.1.2.3"),
    "name at another private address": answered("172.31.255.255"),
    "name at a third private address": answered("192.168.0.1"),
    "name at carrier-grade NAT": answered("100.100.100.200"),
    "name at link-local": answered("169.254.169.254"),
    "name at Azure's own": answered("168.63.129.16"),
    "name at multicast": answered("224.0.0.1"),
    "name at a reserved address": answered("255.255.255.255"),
    "name at benchmarks": answered("198.18.0.1"),
    "name at unique local IPv6": answered("fd00:ec2::254"),
    "name at link-local IPv6": answered("fe80::1"),
    "name at a zone": answered("fe80::1%eth0"),
    "name at multicast IPv6": answered("ff02::1"),
    "name at site-local IPv6": answered("fec0::1"),
    "name at mapped IPv6": answered("::ffff:10.0.0.1"),
    "name at 6to4": answered("2002:a00:1::"),
    "name at NAT64": answered("64:ff9b::a00:1"),
    "name at local NAT64": answered("64:ff9b:1::a00:1"),
    "public mixed with private": answered(PUBLIC_ADDRESS, "10.0.0.1"),
    "private mixed with public": answered("10.0.0.1", PUBLIC_ADDRESS),
    "nothing at all": Case(""),
    "very long": Case("https://good.example/" + "a" * 9000),
}


@pytest.mark.parametrize("name", BYPASSES)
async def test_known_bypass_connects_to_nothing(name: str) -> None:
    """No form of a URL or of an answer of DNS leads where the list does not."""
    case = BYPASSES[name]
    noted = NotedNetwork()
    noted.names = AnyName(case.answers)
    client = GuardedClient(EgressSpec(allow=ALLOW), network=noted.network)
    with pytest.raises(EgressRefusedError, match="refused"):
        await client.request("GET", case.url)
    assert noted.connected == []


class AnyName(dict[str, list[list[str]]]):
    """Every name there is, with the same answer."""

    def __init__(self, answers: tuple[str, ...]) -> None:
        super().__init__()
        self._answers = [list(answers)]

    def get(self, key: str, default: object = None) -> list[list[str]]:
        return self._answers


def test_known_bypasses_are_enough_to_go_by() -> None:
    """At least the twenty-five that lists of them name."""
    assert len(BYPASSES) >= 25


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://good.example", "good.example", "/"),
        ("https://GOOD.example./a%20b", "good.example", "/a%20b"),
        ("https://good.example:443/x?y=1&z=[2]#part", "good.example", "/x?y=1&z=[2]"),
        ("http://good.example:80/", "good.example", "/"),
        ("https://de.wild.example/wiki/Übersicht", "de.wild.example", "/wiki/%C3%9Cbersicht"),
        ("https://a.b.wild.example?q=@evil.example", "a.b.wild.example", "/?q=@evil.example"),
        ("https://good.example/..//@evil.example", "good.example", "//@evil.example"),
    ],
)
async def test_listed_url_is_asked_at_the_address_by_its_name(
    url: str, host: str, target: str
) -> None:
    """What is allowed works: the address is connected to, the name is told."""
    noted = NotedNetwork()
    noted.names = AnyName((PUBLIC_ADDRESS,))
    client = GuardedClient(EgressSpec(allow=ALLOW), network=noted.network)
    answer = await client.request("GET", url)
    (request,) = noted.requests
    assert (answer.status, answer.body) == (200, b"fine")
    assert noted.connected == [PUBLIC_ADDRESS]
    assert request.headers["host"] == host
    assert request.extensions["sni_hostname"] == host
    assert request.url.raw_path.decode() == target


NUMBERS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
FORBIDDEN = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "64:ff9b:1::/48"),
    )
]
INSIDE = st.sampled_from(FORBIDDEN).flatmap(lambda network: st.ip_addresses(network=network))


@given(st.lists(st.one_of(NUMBERS, INSIDE), min_size=1, max_size=4))
async def test_no_forbidden_address_is_ever_connected_to(
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    """Whatever DNS answers, a connection goes to one of its addresses, and none forbidden."""
    noted = NotedNetwork({"good.example": [[str(address) for address in addresses]]})
    client = GuardedClient(EgressSpec(allow=ALLOW), network=noted.network)
    inside = any(address in network for address in addresses for network in FORBIDDEN)
    try:
        await client.request("GET", "https://good.example/")
    except EgressRefusedError:
        assert noted.connected == []
    else:
        assert not inside
        assert noted.connected == [str(addresses[0])]


@given(st.one_of(NUMBERS, INSIDE), st.sampled_from(["http", "https"]))
async def test_address_in_a_url_is_asked_only_if_public_and_listed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, scheme: str
) -> None:
    """Even a list that names a forbidden address, past its own check, opens nothing."""
    host = f"[{address}]" if address.version == 6 else str(address)
    url = f"{scheme}://{host}"
    # As if the check of `fleet.yaml` had failed to see it.
    egress = EgressSpec.model_construct(allow=(url,))
    noted = NotedNetwork()
    client = GuardedClient(egress, network=noted.network)
    inside = any(address in network for network in FORBIDDEN)
    try:
        await client.request("GET", url)
    except EgressRefusedError:
        assert noted.connected == []
    else:
        assert not inside
