"""What the guard does with answers: redirects, sizes, time, and who may be connected to."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from socket import EAI_AGAIN, gaierror

import httpx2
import pytest

from activities.egress.bodies import AnswerRefusedError, read_body
from activities.egress.guard import MAX_REDIRECTS, EgressRefusedError, GuardedClient
from activities.egress.network import PUBLIC, Network
from rota.security.addresses import Address
from rota.security.egress import EgressSpec
from tests.activities.egress.networks import (
    PUBLIC_ADDRESS,
    NotedNetwork,
    bomb,
    loopback_network,
)
from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer

EGRESS = EgressSpec(allow=("https://a.example", "https://b.example"), max_bytes=1000)
AT_PUBLIC = [[PUBLIC_ADDRESS]]


def redirecting(*locations: str, status: int = 302) -> NotedNetwork:
    """A network where every request but the last is sent on."""
    waiting = list(locations)

    def answer(_: httpx2.Request) -> httpx2.Response:
        if not waiting:
            return httpx2.Response(200, text="there")
        return httpx2.Response(status, headers={"location": waiting.pop(0)})

    return NotedNetwork({"a.example": AT_PUBLIC, "b.example": [["8.8.8.8"]]}, answer)


async def test_redirect_is_followed_to_a_listed_host_without_credentials() -> None:
    """Another origin gets none of the caller's headers but what it must know to answer."""
    noted = redirecting("/next", "https://b.example/there")
    client = GuardedClient(EGRESS, network=noted.network)
    headers = {"Authorization": "Bearer t", "Cookie": "c=1", "Accept": "text/plain", "Host": "x"}
    answer = await client.request("GET", "https://a.example/", headers=headers)
    assert (answer.url, answer.body) == ("https://b.example/there", b"there")
    assert [request.headers.get("authorization") for request in noted.requests] == [
        "Bearer t",
        "Bearer t",
        None,
    ]
    assert "cookie" not in noted.requests[-1].headers
    assert noted.requests[-1].headers["accept"] == "text/plain"
    assert noted.requests[-1].headers["host"] == "b.example"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/",
        "//evil.example/",
        "http://a.example/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "https://a.example@evil.example/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "data:text/plain,x",
        "gopher://a.example/",
        "\\\\evil.example/",
        "https://[::1",
        "//[x",
    ],
)
async def test_redirect_elsewhere_is_refused_before_a_connection(location: str) -> None:
    """Each hop is checked like a URL of its own, the scheme included."""
    noted = redirecting(location)
    client = GuardedClient(EGRESS, network=noted.network)
    with pytest.raises(EgressRefusedError):
        await client.request("GET", "https://a.example/")
    assert noted.connected == [PUBLIC_ADDRESS]


async def test_redirects_without_end_are_given_up() -> None:
    """A circle costs a handful of requests."""
    noted = redirecting(*["/again"] * 100)
    client = GuardedClient(EGRESS, network=noted.network)
    with pytest.raises(AnswerRefusedError, match="redirected more than 5 times"):
        await client.request("GET", "https://a.example/")
    assert len(noted.requests) == MAX_REDIRECTS + 1


async def test_redirect_of_a_post_is_its_answer() -> None:
    """What changes something is not sent to a second place."""
    noted = redirecting("https://b.example/", status=307)
    client = GuardedClient(EGRESS, network=noted.network)
    answer = await client.request("POST", "https://a.example/", content=b"{}")
    assert (answer.status, len(noted.requests)) == (307, 1)


async def test_name_that_changes_its_address_is_looked_up_once() -> None:
    """Rebinding: the address that was judged is the one connected to; a hop is judged anew."""
    noted = redirecting("/again")
    noted.names["a.example"] = [[PUBLIC_ADDRESS], ["127.0.0.1"]]
    client = GuardedClient(EGRESS, network=noted.network)
    with pytest.raises(EgressRefusedError, match="not public"):
        await client.request("GET", "https://a.example/")
    assert noted.connected == [PUBLIC_ADDRESS]
    assert noted.lookups == ["a.example", "a.example"]


async def test_address_that_does_not_answer_gives_way_to_the_next_one_judged() -> None:
    """A host with IPv6 stays reachable from a network without it."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if ":" in request.url.host:
            raise httpx2.ConnectError("no route")
        return httpx2.Response(200)

    noted = NotedNetwork({"a.example": [["2606:4700::1", PUBLIC_ADDRESS]]}, answer)
    client = GuardedClient(EGRESS, network=noted.network)
    assert (await client.request("GET", "https://a.example/")).status == 200
    assert noted.connected == ["2606:4700::1", PUBLIC_ADDRESS]
    assert noted.lookups == ["a.example"]


async def test_unknown_name_is_refused_and_a_busy_resolver_is_not() -> None:
    """A model may have mistaken a name; a resolver that is busy is worth another attempt."""
    client = GuardedClient(EGRESS, network=NotedNetwork().network)
    with pytest.raises(EgressRefusedError, match=r"a\.example has no address"):
        await client.request("GET", "https://a.example/")

    async def busy(host: str, port: int) -> tuple[Address, ...]:
        raise gaierror(EAI_AGAIN, "try again")

    client = GuardedClient(EGRESS, network=Network(resolve=busy))
    with pytest.raises(httpx2.ConnectError, match="try again"):
        await client.request("GET", "https://a.example/")


async def test_declared_url_is_trusted_and_opens_no_other() -> None:
    """An endpoint of the YAML may be private; what its answer names may not."""
    noted = redirecting("http://10.0.0.9:9000/elsewhere")
    noted.names["agents.internal"] = [["10.0.0.9"]]
    trusted = ["http://agents.internal:8080/v1/start"]
    client = GuardedClient(EgressSpec(), trusted=trusted, network=noted.network)
    answer = await client.request("POST", "http://agents.internal:8080/v1/other")
    assert (answer.status, noted.connected) == (302, ["10.0.0.9"])
    for url in ("http://agents.internal:8081/", "http://10.0.0.9:8080/"):
        with pytest.raises(EgressRefusedError, match=r"not among the fleet's egress\.allow"):
            await client.request("GET", url)


# -- sizes ----------------------------------------------------------------------------


async def chunks(data: bytes, size: int = 7) -> AsyncIterator[bytes]:
    """Data in small parts, as a network delivers it."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [0, 1, 100])
async def test_body_within_the_limit_is_read_packed_or_not(size: int) -> None:
    """The limit itself is allowed; several gzip members are one body."""
    text = b"x" * size
    assert await read_body(chunks(text), "", 100) == text
    half = size // 2
    packed = gzip.compress(text[:half]) + gzip.compress(text[half:])
    assert await read_body(chunks(packed), "GZip", 100) == text


@pytest.mark.parametrize(
    ("data", "encoding", "problem"),
    [
        (b"x" * 101, "", "larger than 100 bytes"),
        (gzip.compress(b"x" * 101), "gzip", "larger than 100 bytes"),
        (bomb(50_000_000), "gzip", "larger than 100 bytes"),
        (gzip.compress(b"") * 100, "gzip", "larger than 100 bytes"),
        (gzip.compress(b"x" * 50)[:-9], "gzip", "cut off"),
        (b"no gzip", "gzip", "no gzip"),
        (zlib.compress(b"x"), "deflate", "packed as 'deflate'"),
        (gzip.compress(bomb(10)), "gzip, gzip", "packed as 'gzip, gzip'"),
        (b"x", "br", "packed as 'br'"),
    ],
    # Names of their own: gzip writes the time, and both processes must collect the same tests.
    ids=[
        "too long",
        "too long unpacked",
        "bomb",
        "many members",
        "cut off",
        "not packed",
        "deflate",
        "packed twice",
        "unknown",
    ],
)
async def test_body_beyond_the_limit_or_packed_oddly_is_refused(
    data: bytes, encoding: str, problem: str
) -> None:
    """A bomb costs its limit of memory; what was not asked for is not unpacked."""
    with pytest.raises(AnswerRefusedError, match=problem):
        await read_body(chunks(data, 4096), encoding, 100)


async def test_endless_body_is_left_at_the_limit() -> None:
    """The stream is not read to its end."""
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 10

    with pytest.raises(AnswerRefusedError):
        await read_body(endless(), "", 100)
    assert len(read) == 11


# -- real sockets -----------------------------------------------------------------------


async def test_real_server_is_asked_by_name_without_the_environments_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One connection for one request, and no proxy that could look the name up again."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    seen: list[HttpRequest] = []

    async def answer(request: HttpRequest, connection: Connection) -> None:
        seen.append(request)
        body = gzip.compress(b"hello")
        await connection.send(200, body, {"content-encoding": "gzip", "set-cookie": "a=b"})

    server = LoopbackServer(answer)
    server.start()
    try:
        origin = f"http://shop.example:{server.port}"
        egress = EgressSpec(allow=(origin,))
        client = GuardedClient(egress, network=loopback_network(["shop.example"]))
        for _ in range(2):
            assert (await client.request("GET", f"{origin}/x?y=1")).body == b"hello"
        # The same, as production makes it: this machine is out of reach.
        with pytest.raises(EgressRefusedError):
            await GuardedClient(egress, network=PUBLIC).request("GET", origin)
    finally:
        server.close()
    assert [(request.path, request.headers["host"]) for request in seen] == [
        ("/x?y=1", f"shop.example:{server.port}")
    ] * 2
    assert server.connections == 2
    assert all("cookie" not in request.headers for request in seen)


async def test_slow_trickle_is_cut_by_the_time_for_the_whole() -> None:
    """A server that sends a byte now and then holds nobody longer than the limit."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def trickle(request: HttpRequest, connection: Connection) -> None:
        try:
            await connection.start_stream({"content-type": "text/plain"})
            while True:
                await connection.send_chunk(b"x")
                await asyncio.sleep(0.02)
        finally:
            loop.call_soon_threadsafe(stopped.set)

    server = LoopbackServer(trickle)
    server.start()
    try:
        origin = f"http://shop.example:{server.port}"
        egress = EgressSpec.model_validate({"allow": [origin], "timeout": "150ms"})
        client = GuardedClient(egress, network=loopback_network(["shop.example"]))
        with pytest.raises(TimeoutError):
            await client.request("GET", origin)
        # The connection is closed, not left to trickle on.
        await asyncio.wait_for(stopped.wait(), 10)
    finally:
        server.close()
