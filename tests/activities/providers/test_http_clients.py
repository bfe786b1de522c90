"""A client that several agents share hands nothing from one to the other."""

from activities.providers.json_calls import Call, JsonCalls, Peer
from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer


async def test_cookie_given_to_one_call_is_not_sent_with_the_next() -> None:
    """Each call is as its own headers say: a session of one agent is none of another's."""
    cookies: list[str | None] = []

    async def handle(request: HttpRequest, connection: Connection) -> None:
        cookies.append(request.headers.get("cookie"))
        await connection.send_json(200, {}, {"set-cookie": "session=first; Path=/"})

    server, calls = LoopbackServer(handle), JsonCalls()
    server.start()
    try:
        for token in ("first", "second"):
            headers = {"Authorization": f"Bearer {token}"}
            url = f"http://127.0.0.1:{server.port}/"
            await calls.send(Call("GET", url, headers, 10.0, 1000), Peer("the service"))
    finally:
        await calls.aclose()
        server.close()
    assert cookies == [None, None]
