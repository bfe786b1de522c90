"""A service answers by way of the gateway, so no worker need be reachable."""

from collections.abc import Generator
from dataclasses import replace

import pytest

from activities.callbacks import SECRET_VARIABLE, Callbacks, offer
from rota.runs import RunStatus
from tests.contract.http_bench import HttpBench
from tests.fakes.http_job_server import TOKEN
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of, served
from workers.callbacks import CallbackOptionsError, receiver_of

SECRET = "sixteen letters and more"


@pytest.fixture
def offering() -> Generator[None]:
    """What the test offers is taken back."""
    yield
    offer(None)


@pytest.mark.usefixtures("offering")
async def test_answer_that_comes_to_the_gateway_ends_the_run_that_waits(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker only gives the address out; who makes one up is told that nothing is there."""
    monkeypatch.setenv("ROTA_TEST_JOB_TOKEN", TOKEN)
    receiver = Callbacks(stack.store, "", SECRET)
    gateway = replace(gateway_of(stack), callbacks=receiver)
    name = stack.name("mailer")
    async with HttpBench() as bench, served(gateway) as asking, stack.worker():
        offer(replace(receiver, url=str(asking.base_url)))
        start = {
            "url": f"{bench.server.url}/jobs",
            "body": {"task": "{task}", "callback": "{callback}"},
        }
        block = bench.settings(mode="callback", start=start)
        runtime = {key: block[key] for key in block if key not in ("status", "cancel")}
        await stack.declare(name, runtime=runtime, instructions="count")
        bench.answer("three boxes", seconds=0.1)
        result = await stack.run(name, f"{name}-1")
        forged = await asking.post(f"/callbacks/{name}/{'0' * 64}-{'0' * 64}", content=b"{}")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "three boxes")
    assert forged.status_code == 404


async def test_gateway_without_the_secret_takes_no_answers(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no such path; a secret that can be guessed is refused."""
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    assert receiver_of(stack.store) is None
    async with served(gateway_of(stack)) as asking:
        assert (await asking.post("/callbacks/x", content=b"{}")).status_code == 404
    monkeypatch.setenv(SECRET_VARIABLE, "short")
    with pytest.raises(CallbackOptionsError, match="at least 16 characters"):
        receiver_of(stack.store)
