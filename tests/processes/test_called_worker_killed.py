"""`kill -9` of a worker that waits to be called: the call comes while nobody is there."""

import time

import pytest

from activities.providers.called import SAFETY_LOOKS
from rota.hooks.spec import Scheme
from rota.runs import RunStatus
from tests.contract.claude_managed_bench import ClaudeManagedBench
from tests.contract.played import Contract
from tests.deliveries import SECRETS
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack
from tests.workers.gateway.calling import PATH, taking
from tests.workers.gateway.gateways import served


@pytest.mark.soak
async def test_call_that_comes_while_no_worker_is_there_is_not_lost(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept, and the next worker sees the end at once; the session was begun once."""
    async with ClaudeManagedBench() as bench:
        monkeypatch.setenv("MANAGED_HOOK", SECRETS[Scheme.STANDARD])
        for name, value in bench.environment.items():
            monkeypatch.setenv(name, value)
        contract = Contract(stack, bench)
        bench.hang()
        async with served(taking(stack)) as asking:
            bench.fake.webhook = f"{asking.base_url}{PATH}"
            async with worker_process(stack) as first:
                agent = await contract.declare(runtime={"callback": True})
                handle = await contract.start(agent)
                await contract.until(lambda: bench.fake.count("GET /v1/sessions/") > 0)
                kill(first)
            bench.release()
            await contract.until(lambda: ("session.status_idled", 202) in bench.fake.calls)
            async with worker_process(stack):
                began = time.monotonic()
                result = await contract.end(handle)
        assert result.status is RunStatus.SUCCEEDED, result
        assert time.monotonic() - began < SAFETY_LOOKS.total_seconds() / 2
        assert bench.starts == 1
    assert await stack.store.list_refs("bells") == []
