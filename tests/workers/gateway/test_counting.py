"""What is posted is counted once, by door and answer, and nobody makes up labels."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Message

from rota.metrics.listed import DELIVERY_OUTCOMES
from tests.stack import Stack, script
from tests.workers.gateway.gateways import served
from tests.workers.gateway.hook_doors import gateway_with, hook_door, post
from workers.gateway.counting import OTHERWISE, OUTCOMES, Counting, Deliveries


async def counted(method: str, path: str, answer: int | Exception | None) -> Deliveries:
    """What is counted of one request that is answered so; None: its sender has gone."""

    async def respond(_: Request) -> Response:
        if answer is None:
            raise asyncio.CancelledError
        if isinstance(answer, Exception):
            raise answer
        return Response(status_code=answer)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        """Nobody listens."""

    deliveries = Deliveries()
    # Whoever breaks in there, as in a route of the gateway, has not answered.
    inner = Router([Route("/{rest:path}", respond, methods=["GET", "POST"])])
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    try:
        await Counting(inner, deliveries)(scope, receive, send)
    except (RuntimeError, asyncio.CancelledError):
        assert not isinstance(answer, int)
    return deliveries


@pytest.mark.parametrize("status", [*OUTCOMES, 500, 418])
async def test_answer_is_counted_once_under_its_outcome(status: int) -> None:
    """Each that the gateway gives has one, in the closed list; others have failed."""
    outcome = OUTCOMES.get(status, OTHERWISE)
    assert await counted("POST", "/hooks/triage", status) == {("hooks", outcome): 1}
    assert outcome in DELIVERY_OUTCOMES


async def test_work_that_breaks_has_failed_once() -> None:
    """Also where the frame around it answers; a sender that has gone is no answer."""
    broken = await counted("POST", "/events/orders", RuntimeError("broken"))
    assert broken == {("events", "failed"): 1}
    assert await counted("POST", "/events/orders", None) == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hooks/triage"),
        ("POST", "/approve/token"),
        ("POST", "/decode"),
        ("POST", "/"),
        ("POST", "//hooks/triage"),
        ("POST", "/hooks2/triage"),
        ("POST", "/anything/a/stranger/likes"),
        ("POST", "*"),
        ("POST", "hooks"),
        ("POST", "hooks/triage"),
        ("POST", ""),
    ],
)
async def test_what_is_no_delivery_is_not_counted(method: str, path: str) -> None:
    """However many addresses somebody makes up, there are as many series as before."""
    assert await counted(method, path, 202) == {}


async def test_metrics_tell_what_was_posted(stack: Stack) -> None:
    """As of now, beside a look that may be older; nought of what never was."""
    name = stack.name("triage")
    gateway = gateway_with(stack, hook_door(name))
    async with stack.worker(), served(gateway) as asking:
        await stack.declare(name, runtime=script({"result": "done"}))
        for _ in range(2):
            await post(asking, f"/hooks/{name}", {"n": 1})
        await asking.post("/hooks/nobody", content=b"{}")
        await asking.post("/callbacks/forged", content=b"{}")
        text = ""
        async with asyncio.timeout(60):
            while "rota_deliveries_total{" not in text:
                text = (await asking.get("/metrics", timeout=30)).text
    told = {
        line.partition("{")[2]
        for line in text.splitlines()
        if line.startswith("rota_deliveries_total{") and not line.endswith(" 0.0")
    }
    assert told == {
        'door="hooks",outcome="taken"} 1.0',
        'door="hooks",outcome="passed"} 1.0',
        'door="hooks",outcome="unsigned"} 1.0',
        'door="callbacks",outcome="not_found"} 1.0',
    }
    assert 'rota_deliveries_total{door="events",outcome="taken"} 0.0' in text
