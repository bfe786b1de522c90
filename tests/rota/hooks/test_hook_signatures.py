"""Only who holds a secret is let in, with what was signed, as it was signed, and lately."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.notify.signatures import signed_headers
from rota.hooks.signatures import WINDOW_SECONDS, is_signed
from rota.hooks.spec import Scheme
from tests.deliveries import RAW, SIGN, Posted, standard

NOW = 1_700_000_000
OTHER = b"another secret of as many bytes"
BODY = b'{"n": 1}'
TIMED = (Scheme.STANDARD, Scheme.SLACK)
SIGNATURE = {
    Scheme.STANDARD: "webhook-signature",
    Scheme.GITHUB: "x-hub-signature-256",
    Scheme.SLACK: "x-slack-signature",
}


def signed(scheme: Scheme, at: int = NOW, key: bytes = RAW) -> Posted:
    """A delivery of that time."""
    return SIGN[scheme]("msg_1", BODY, at, key)


def accepted(scheme: Scheme, posted: Posted, *keys: bytes, now: float = NOW) -> bool:
    """Whether it is taken, with the usual secret unless others are given."""
    return is_signed(scheme, keys or (RAW,), posted.headers, posted.body, now)


@pytest.mark.parametrize("scheme", Scheme)
def test_delivery_with_a_good_signature_is_taken(scheme: Scheme) -> None:
    """Whichever of two secrets signs: one is being exchanged for the other."""
    posted = signed(scheme)
    assert accepted(scheme, posted)
    assert accepted(scheme, posted, OTHER, RAW)
    assert accepted(scheme, posted, RAW, OTHER)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda p, _: p.but(body=BODY + b" "), id="longer body"),
        pytest.param(lambda p, _: p.but(body=b'{"n": 2}'), id="altered body"),
        pytest.param(lambda p, _: p.but(body=b""), id="empty body"),
        pytest.param(lambda p, name: p.having(name, None), id="no signature"),
        pytest.param(lambda p, name: p.having(name, ""), id="empty signature"),
        pytest.param(lambda p, name: p.having(name, p.headers[name][:-1]), id="cut signature"),
        pytest.param(lambda p, name: p.having(name, p.headers[name] + "0"), id="long signature"),
        pytest.param(lambda p, name: p.having(name, "ü" + p.headers[name]), id="odd signature"),
        pytest.param(lambda p, name: p.having(name, "€" + p.headers[name]), id="beyond Latin-1"),
        pytest.param(
            lambda p, name: p.having(name, p.headers[name].split(",")[-1].split("=", 1)[-1]),
            id="signature without its version",
        ),
        pytest.param(
            lambda p, name: p.having(name, p.headers[name].replace("v", "w").replace("sha", "md")),
            id="signature of another version",
        ),
    ],
)
def test_delivery_that_was_altered_is_refused(
    scheme: Scheme, alter: Callable[[Posted, str], Posted]
) -> None:
    """One byte is enough, and so is whatever is missing."""
    assert not accepted(scheme, alter(signed(scheme), SIGNATURE[scheme]))


@pytest.mark.parametrize("scheme", Scheme)
def test_delivery_of_another_secret_is_refused(scheme: Scheme) -> None:
    """And so is one where nobody has a secret."""
    assert not accepted(scheme, signed(scheme, key=OTHER))
    assert not is_signed(scheme, (), signed(scheme).headers, BODY, NOW)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("other", Scheme)
def test_signature_of_another_scheme_is_none(scheme: Scheme, other: Scheme) -> None:
    """A secret that two senders share by mistake opens the one door alone."""
    assert accepted(scheme, signed(other)) is (scheme is other)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize(
    ("seconds", "taken"),
    [
        (0, True),
        (WINDOW_SECONDS, True),
        (WINDOW_SECONDS + 1, False),
        (-WINDOW_SECONDS, True),
        (-WINDOW_SECONDS - 1, False),
        (86_400, False),
    ],
)
def test_delivery_is_taken_within_the_window_alone(
    scheme: Scheme, seconds: int, taken: bool
) -> None:
    """One that somebody kept and sends again later is refused, and one from the future."""
    assert accepted(scheme, signed(scheme), now=NOW + seconds) is taken


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("at", [None, "", "soon", "-5", "1e9", "١٧٠٠٠٠٠٠٠٠", f"{NOW}.5", f" {NOW}"])
def test_time_that_is_none_is_refused(scheme: Scheme, at: str | None) -> None:
    """Also where it would be read as a number elsewhere."""
    name = "webhook-timestamp" if scheme is Scheme.STANDARD else "x-slack-request-timestamp"
    assert not accepted(scheme, signed(scheme).having(name, at))


@pytest.mark.parametrize("scheme", TIMED)
def test_time_that_was_altered_is_refused(scheme: Scheme) -> None:
    """An old delivery does not become a new one."""
    name = "webhook-timestamp" if scheme is Scheme.STANDARD else "x-slack-request-timestamp"
    old = signed(scheme, NOW - 10_000)
    assert not accepted(scheme, old.having(name, str(NOW)))


@pytest.mark.parametrize("id", [None, "", "msg_2"])
def test_standard_id_that_was_altered_is_refused(id: str | None) -> None:
    """A delivery does not become another one."""
    assert not accepted(Scheme.STANDARD, signed(Scheme.STANDARD).but(webhook_id=id))


def test_standard_signature_does_not_fit_another_delivery_cut_elsewhere() -> None:
    """What is signed is joined by dots, so words within a body could pass for a time and a body."""
    whole = standard("msg_1", b"a.%d.b=2" % NOW, NOW)
    cut = whole.but(body=b"b=2", webhook_id=f"msg_1.{NOW}.a", webhook_timestamp=str(NOW))
    assert accepted(Scheme.STANDARD, whole)
    assert not accepted(Scheme.STANDARD, cut)


def test_standard_delivery_with_several_signatures_needs_one() -> None:
    """While a sender exchanges its secret; whatever else stands there is passed over."""
    good = signed(Scheme.STANDARD).headers["webhook-signature"]
    for all_of_them in (f"v1a,{good[3:]} v1,!! , {good}", f"{good} v2,x"):
        assert accepted(Scheme.STANDARD, signed(Scheme.STANDARD).but(webhook_signature=all_of_them))


def test_flood_of_signatures_is_not_looked_through() -> None:
    """What one delivery costs is bounded."""
    good = signed(Scheme.STANDARD).headers["webhook-signature"]
    flood = "v1,AAAA " * 50 + good
    assert not accepted(Scheme.STANDARD, signed(Scheme.STANDARD).but(webhook_signature=flood))


def test_own_notifications_would_be_taken() -> None:
    """What one fleet sends, by the same standard, another one takes."""
    headers = signed_headers([OTHER, RAW], "msg_1", NOW, BODY)
    assert accepted(Scheme.STANDARD, Posted(BODY, headers))


def test_signatures_are_those_of_the_schemes_own_examples() -> None:
    """As their documentation has them, to the letter."""
    body = b"Hello, World!"
    headers = {
        "x-hub-signature-256": (
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    }
    assert is_signed(Scheme.GITHUB, (b"It's a Secret to Everybody",), headers, body, NOW)
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015"
        b".47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": (
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        ),
    }
    key = b"8f742231b10e8888abcd99yyyzzz85a5"
    assert is_signed(Scheme.SLACK, (key,), headers, body, 1531420618)


@given(
    scheme=st.sampled_from(Scheme),
    headers=st.dictionaries(
        st.sampled_from([*SIGNATURE.values(), "webhook-id", "webhook-timestamp"]), st.text()
    ),
    body=st.binary(max_size=50),
)
def test_whatever_comes_is_refused_without_an_error(
    scheme: Scheme, headers: dict[str, str], body: bytes
) -> None:
    """Headers are a stranger's."""
    assert not is_signed(scheme, (RAW,), headers, body, NOW)
