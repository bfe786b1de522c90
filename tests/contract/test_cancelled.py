"""A run that is cancelled while the provider works: it is told to stop, or known not to be."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from rota.runs import RunStatus
from tests.contract.played import Contract


async def test_contract_cancelled_run_stops_the_provider(contract: Contract) -> None:
    """What could not be confirmed is remembered; an answer that comes late changes nothing."""
    contract.bench.hang()
    async with contract.agent() as name:
        handle = await contract.start(name)
        await contract.until(lambda: contract.bench.starts == 1)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        before = await contract.stack.keeper(name)
        contract.bench.release()
        after = await contract.stack.keeper(name)
    (entry,) = before.ledger.values()
    assert entry.status is RunStatus.CANCELLED
    assert after.ledger == before.ledger
    if not contract.is_session:
        return
    if contract.promises.cancel:
        assert contract.bench.stops == 1
    if contract.promises.confirm_cancel:
        assert before.unstopped == ()
    elif not contract.promises.cancel:
        assert len(before.unstopped) == 1
