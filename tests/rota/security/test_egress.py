"""URLs taken apart and compared with the list: tables for the forms, properties for the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rota.security.addresses import is_public
from rota.security.egress import EgressSpec, Origin, address_of, is_listed, parse_target


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("api.example.com", "https://api.example.com"),
        ("API.Example.com.", "https://api.example.com"),
        ("https://api.example.com:443", "https://api.example.com"),
        ("https://api.example.com:8443", "https://api.example.com:8443"),
        ("http://api.example.com", "http://api.example.com"),
        ("http://api.example.com:443", "http://api.example.com:443"),
        ("*.wikipedia.org", "https://*.wikipedia.org"),
        ("http://*.wikipedia.org:8080", "http://*.wikipedia.org:8080"),
        ("https://93.184.216.34", "https://93.184.216.34"),
        ("https://[2606:4700:0:0::1]", "https://[2606:4700::1]"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_permission_is_kept_in_one_form(given: str, kept: str) -> None:
    """However it is written, it is compared alike."""
    assert EgressSpec(allow=(given,)).allow == (kept,)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "*",
        "*.com",
        "*.*.example.com",
        "a.*.example.com",
        "https://",
        "://example.com",
        "ftp://example.com",
        "https://example.com/",
        "https://example.com/path",
        "https://example.com?x",
        "https://user@example.com",
        "https://127.0.0.1",
        "https://[::1]",
        "https://169.254.169.254",
        "https://*.0.0.1",
        "https://2130706433",
        "bücher.example",
        "example.com:0",
        "exa mple.com",
    ],
)
def test_permission_that_is_none_is_refused_with_an_example(given: str) -> None:
    """What could never be reached, or means more than one host, is told at once."""
    with pytest.raises(ValidationError, match=r"for example https://api\.example\.com"):
        EgressSpec(allow=(given,))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.example.com/x", True),
        ("https://API.EXAMPLE.COM.:443/x", True),
        ("http://api.example.com/x", False),
        ("https://api.example.com:8443/x", False),
        ("https://www.api.example.com/x", False),
        ("https://example.com/x", False),
        ("https://de.wikipedia.org/x", True),
        ("https://a.b.wikipedia.org/x", True),
        ("https://wikipedia.org/x", False),
        ("https://evilwikipedia.org/x", False),
        ("https://wikipedia.org.evil.example/x", False),
    ],
)
def test_url_is_allowed_by_scheme_host_and_port_together(url: str, allowed: bool) -> None:
    """Each of them counts; a wildcard is for whole labels below its domain."""
    egress = EgressSpec(allow=("https://api.example.com", "*.wikipedia.org"))
    assert egress.allows(parse_target(url).origin) is allowed


def test_nothing_is_allowed_by_default() -> None:
    """A fleet that says nothing sends nothing anywhere."""
    assert not EgressSpec().allows(parse_target("https://example.com").origin)


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(HOSTS, st.sampled_from(["http", "https"]), st.integers(1, 65535), st.text(max_size=30))
def test_url_that_is_read_is_read_the_same_again(
    host: str, scheme: str, port: int, rest: str
) -> None:
    """What is sent is a URL that reads as the one that was judged: no second meaning."""
    try:
        target = parse_target(f"{scheme}://{host}:{port}/{rest}")
    except ValueError:
        return
    assert parse_target(str(target)) == target
    assert target.path.isascii()
    assert target.origin.port == port
    assert target.origin.host in (host, str(address_of(host)))


@given(st.text(max_size=60))
def test_any_text_is_a_plain_url_or_refused(text: str) -> None:
    """Nothing else than a ValueError comes out of what somebody writes."""
    try:
        target = parse_target(text)
    except ValueError:
        return
    assert target.origin.scheme in ("http", "https")
    assert "@" not in target.origin.authority


@given(st.ip_addresses(v=4))
def test_address_of_ipv4_is_public_in_no_form_of_ipv6(address: object) -> None:
    """An IPv4 address gains nothing by being carried in an IPv6 one."""
    octets = str(address).split(".")
    high, low = (f"{int(a):02x}{int(b):02x}" for a, b in (octets[:2], octets[2:]))
    for form in (
        "::ffff:{h}:{l}",
        "::{h}:{l}",
        "64:ff9b::{h}:{l}",
        "2002:{h}:{l}::",
        "2001::{h}:{l}",
    ):
        carried = address_of(form.format(h=high, l=low))
        assert carried is not None
        assert not is_public(carried)


def test_address_matches_no_wildcard() -> None:
    """Numbers between dots are no labels of a domain."""
    assert not is_listed(Origin("https", "1.2.3.4", 443), ["https://*.2.3.4", "https://*.3.4"])
