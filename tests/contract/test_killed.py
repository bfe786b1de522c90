"""`kill -9` of a real worker process while a provider works: another goes on."""

import pytest

from rota.runs import RunStatus
from tests.contract.played import Contract
from tests.processes.worker_process import kill, worker_process


@pytest.mark.only("killed")
async def test_contract_work_outlives_a_killed_worker(contract: Contract) -> None:
    """A session is watched on, begun once; a turn is asked again, and the lost one counted."""
    contract.bench.hang()
    if not contract.is_session:
        contract.bench.answer("done")
    async with worker_process(contract.stack) as first:
        name = await contract.declare()
        handle = await contract.start(name)
        await contract.until(lambda: contract.bench.starts == 1)
        kill(first)
    contract.bench.release()
    async with worker_process(contract.stack):
        result = await contract.end(handle)
    assert result.status is RunStatus.SUCCEEDED, result
    assert contract.bench.starts == (1 if contract.is_session else 2)
    assert result.usage.unknown_attempts == (0 if contract.is_session else 1)
