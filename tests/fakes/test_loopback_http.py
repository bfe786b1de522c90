"""A fake that closes leaves nothing behind, whatever it is at."""

import asyncio
import gc

import httpx2
import pytest

from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer

STEPS = 14
"""Of a request on this machine, from its first to its answer."""


async def answer(request: HttpRequest, connection: Connection) -> None:
    """Say yes."""
    await connection.send_json(200, {}, {})


@pytest.mark.parametrize("steps", range(STEPS))
def test_closing_amid_a_request_of_its_own_leaves_no_connection(steps: int) -> None:
    """A fake that calls back may be closed while it connects: nothing warns of it later."""
    server = LoopbackServer(answer)
    server.start()

    async def call() -> None:
        async with httpx2.AsyncClient(verify=False) as client:
            await client.post(f"http://127.0.0.1:{server.port}/", json={})

    async def closed_amid() -> None:
        server.spawn(call())
        for _ in range(steps):
            await asyncio.sleep(0)
        await server.end()

    server.submit(closed_amid()).result(timeout=10)
    server.close()
    gc.collect()
