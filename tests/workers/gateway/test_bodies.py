"""Bodies of strangers take no more room, and no more time, than they are given."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request

from workers.gateway.bodies import AnsweredError, Bodies


def request(*chunks: bytes, ends: bool = True, **headers: str) -> Request:
    """A request that brings these, and then says nothing more unless it `ends`."""

    async def said() -> AsyncIterator[dict[str, object]]:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        if ends:
            yield {"type": "http.request", "body": b"", "more_body": False}
        else:
            await asyncio.Event().wait()

    parts = said()
    named = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": named}, lambda: anext(parts))


async def status_of(bodies: Bodies, asked: Request, most: int = 10) -> int:
    """How it is answered; 0 if it is read."""
    try:
        async with bodies.read(asked, most) as body:
            return 0 if len(body) <= most else -1
    except AnsweredError as error:
        return error.response.status_code


async def test_body_is_counted_while_it_is_read() -> None:
    """Also where nobody says how long it will be, or says less."""
    bodies = Bodies()
    assert await status_of(bodies, request(b"12345", b"67890")) == 0
    assert await status_of(bodies, request(b"12345", b"678901")) == 413
    assert (
        await status_of(bodies, request(b"12345", b"678901", ends=False, content_length="3")) == 413
    )
    assert await status_of(bodies, request(ends=False, content_length="11")) == 413


async def test_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that falls silent holds no place for ever."""
    monkeypatch.setattr("workers.gateway.bodies.READ_SECONDS", 0.02)
    assert await status_of(Bodies(), request(b"1", ends=False)) == 408


async def test_bodies_share_their_room_and_give_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come at once; who was refused, or left, takes nothing along."""
    monkeypatch.setattr("workers.gateway.bodies.READ_SECONDS", 0.02)
    bodies = Bodies(room=10)
    async with bodies.read(request(b"123456"), 10):
        assert await status_of(bodies, request(b"12345")) == 503
        assert await status_of(bodies, request(b"1234")) == 0
        assert await status_of(bodies, request(b"1234", ends=False)) == 408
        assert await status_of(bodies, request(b"1234")) == 0
    assert await status_of(bodies, request(b"1234567890")) == 0
