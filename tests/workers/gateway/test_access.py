"""Strangers do not read what the gateway tells, and no gateway is open to a network by mistake."""

import base64

import pytest
from starlette.requests import Request
from starlette.responses import Response

from workers.gateway.access import Access, AccessError, access_with, is_loopback
from workers.http_server import ListenError

TOKEN = "a-long-random-token"


def asking(authorization: str | None) -> Request:
    """A request with that header, or without it."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "headers": headers})


def asked_as(host: str) -> Request:
    """A request to that name."""
    return Request({"type": "http", "headers": [(b"host", host.encode())]})


def basic(user: str, password: str) -> str:
    """As browsers and Prometheus send a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN}", True),
        (basic("prometheus", TOKEN), True),
        (basic("", TOKEN), True),
        (None, False),
        ("", False),
        ("Bearer ", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        ("Bearer tökén", False),
        (TOKEN, False),
        (f"Digest {TOKEN}", False),
        (basic(TOKEN, ""), False),
        ("Basic not base64", False),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), False),
    ],
)
def test_request_is_allowed_with_the_token_alone(authorization: str | None, allowed: bool) -> None:
    """As a bearer's or as a password; anything else is refused, without an error."""
    assert Access(TOKEN).allows(asking(authorization)) is allowed


def test_gateway_without_a_token_answers_everybody() -> None:
    """On loopback whoever is there may read."""
    assert Access().allows(asking(None))


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("127.0.0.1:8080", True),
        ("127.8.9.1", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("[::1]:8080", True),
        ("rota.example.com", True),
        ("Rota.Example.com:8080", True),
        ("evil.example.com:8080", False),
        ("127.0.0.1.evil.example.com", False),
        ("localhost@evil.example.com", False),
        ("rota.example.com.evil.example.com", False),
        ("192.168.1.4:8080", False),
        ("[", False),
        ("", False),
    ],
)
async def test_page_with_a_name_that_leads_here_reads_nothing(host: str, meant: bool) -> None:
    """Where no token is asked for, a browser's page could have its own name mean this machine."""

    async def answer(_: Request) -> Response:
        return Response("told")

    open_to_all = access_with(None, "127.0.0.1:8080", "--listen", "https://rota.example.com/r")
    assert (await open_to_all.required(answer)(asked_as(host))).status_code == (
        200 if meant else 421
    )
    with_token = access_with(TOKEN, "127.0.0.1:8080", "--listen")
    assert (await with_token.required(answer)(asked_as(host))).status_code == 401


def test_gateway_without_a_url_has_no_other_name() -> None:
    """An empty name is none."""
    plain = access_with(None, "127.0.0.1:8080", "--listen")
    assert plain.is_meant(asked_as("localhost"))
    assert not plain.is_meant(asked_as(""))
    assert not plain.is_meant(asked_as("rota.example.com"))


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [
        ("127.0.0.1:8080", True),
        ("127.8.9.1:0", True),
        ("localhost:8080", True),
        ("[::1]:8080", True),
        ("0.0.0.0:8080", False),
        (":8080", False),
        ("[::]:8080", False),
        ("192.168.1.4:8080", False),
        ("rota.example.com:8080", False),
    ],
)
def test_gateway_beyond_loopback_needs_a_token(listen: str, loopback: bool) -> None:
    """An address that others may reach is refused unless they are asked who they are."""
    assert is_loopback(listen, "--listen") is loopback
    assert access_with(TOKEN, listen, "--listen").token == TOKEN
    if loopback:
        assert access_with(None, listen, "--listen") == Access()
    else:
        with pytest.raises(AccessError, match=r"gateway: \{token: env:NAME\}"):
            access_with(None, listen, "--listen")


def test_token_that_is_short_is_refused() -> None:
    """One that can be guessed is none, on loopback too; it is not shown."""
    with pytest.raises(AccessError, match="16 characters") as caught:
        access_with("short-token", "127.0.0.1:8080", "--listen")
    assert "short-token" not in str(caught.value)


@pytest.mark.parametrize("listen", ["8080", "localhost", "localhost:http", "localhost:99999"])
def test_address_that_is_none_is_told(listen: str) -> None:
    """With the option that it was written at."""
    with pytest.raises(ListenError, match=r"--listen: '.*' is not HOST:PORT"):
        access_with(None, listen, "--listen")
