"""An execution whose start was not seen is found by its key, and no other is taken for it."""

from collections.abc import AsyncGenerator

import pytest

from activities.runtimes.n8n import N8nRuntime
from activities.secrets import Secrets
from rota.failures import StepError
from tests.activities.runtimes.session_requests import session_request
from tests.contract.n8n_bench import N8nBench
from tests.fakes.job_script import Work
from tests.fakes.n8n_server import API_KEY


@pytest.fixture
async def runtime(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[N8nRuntime]:
    """A runtime with the API key of the fake."""
    monkeypatch.setenv("ROTA_TEST_N8N_KEY", API_KEY)
    made = N8nRuntime(Secrets())
    yield made
    await made.aclose()


@pytest.fixture
async def bench() -> AsyncGenerator[N8nBench]:
    """The instance."""
    async with N8nBench() as made:
        yield made


@pytest.mark.parametrize("state", ["running", "waiting", "done"])
async def test_find_sees_executions_in_every_list(
    runtime: N8nRuntime, bench: N8nBench, state: str
) -> None:
    """A start whose answer was lost is found, whatever became of it, and not started again."""
    bench.server.script.add(Work("x", cut=True, hangs=state == "running", waits=state == "waiting"))
    request = session_request(bench.settings())
    with pytest.raises(StepError) as caught:
        await runtime.submit(request)
    assert caught.value.maybe_billed
    found = await runtime.find(request)
    assert found is not None
    assert found.id == "1000"
    assert await runtime.find(session_request(bench.settings(), key="d" * 64)) is None


async def test_find_leaves_out_what_the_workflow_called(
    runtime: N8nRuntime, bench: N8nBench
) -> None:
    """Another workflow that was given the input knows the key, and has another result."""
    bench.server.calls_another = True
    bench.hang()
    request = session_request(bench.settings(workflow=None))
    started = await runtime.submit(request)
    assert await runtime.find(request) == started


async def test_find_looks_through_several_pages(runtime: N8nRuntime, bench: N8nBench) -> None:
    """Others' executions since then do not hide ours."""
    for number in range(50):
        bench.answer("x")
        key = f"{number:064x}"
        await runtime.submit(session_request(bench.settings(), key=key))
    found = await runtime.find(session_request(bench.settings(), key=f"{0:064x}"))
    assert found is not None
    assert found.id == "1000"
