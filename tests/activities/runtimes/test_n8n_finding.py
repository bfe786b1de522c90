"""An execution whose start was not seen is found by its key, and no other is taken for it."""

import pytest

from activities.runtimes.n8n import N8nRuntime
from rota.failures import StepError
from tests.activities.runtimes.session_requests import session_request
from tests.contract.n8n_bench import N8nBench
from tests.fakes.job_script import Work


@pytest.mark.parametrize("state", ["running", "waiting", "done"])
async def test_find_sees_executions_in_every_list(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench, state: str
) -> None:
    """A start whose answer was lost is found, whatever became of it, and not started again."""
    n8n_bench.server.script.add(
        Work("x", cut=True, hangs=state == "running", waits=state == "waiting")
    )
    request = session_request(n8n_bench.settings())
    with pytest.raises(StepError) as caught:
        await n8n_runtime.submit(request)
    assert caught.value.maybe_billed
    found = await n8n_runtime.find(request)
    assert found is not None
    assert found.id == "1000"
    assert await n8n_runtime.find(session_request(n8n_bench.settings(), key="d" * 64)) is None


async def test_find_leaves_out_what_the_workflow_called(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """Another workflow that was given the input knows the key, and has another result."""
    n8n_bench.server.calls_another = True
    n8n_bench.hang()
    request = session_request(n8n_bench.settings(workflow=None))
    started = await n8n_runtime.submit(request)
    assert await n8n_runtime.find(request) == started


async def test_find_looks_through_several_pages(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """Others' executions since then do not hide ours."""
    for number in range(50):
        n8n_bench.answer("x")
        key = f"{number:064x}"
        await n8n_runtime.submit(session_request(n8n_bench.settings(), key=key))
    found = await n8n_runtime.find(session_request(n8n_bench.settings(), key=f"{0:064x}"))
    assert found is not None
    assert found.id == "1000"
