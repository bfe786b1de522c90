"""Work is begun once, whatever is lost between a provider and the record: or nobody pretends."""

import asyncio

import pytest

from activities import safekeeping
from rota.failures import FailureCategory
from rota.runs import RunStatus
from tests.contract.played import Contract
from tests.workflows.failing_store import FailingStore

C = FailureCategory


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that cannot store what it has is over at once, as by a crash."""
    monkeypatch.setattr(safekeeping, "DELAYS_SECONDS", ())


@pytest.mark.only("sessions")
async def test_contract_start_that_was_not_recorded_is_made_once(contract: Contract) -> None:
    """The worker is lost between submit and record: the same session, or an unknown outcome."""
    contract.bench.answer("done")
    contract.stack.store = FailingStore(contract.stack.store, "set_ref", b"/handle", times=1)
    async with contract.agent() as name:
        result = await contract.run(name)
    promised = contract.promises.idempotent_start or contract.promises.find
    if promised:
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "done"), result
    else:
        assert result.category is C.OUTCOME_UNKNOWN
        assert "rota_key" in result.reason
    assert contract.bench.starts <= 1


@pytest.mark.only("sessions")
async def test_contract_watching_that_was_not_recorded_is_taken_up(contract: Contract) -> None:
    """The worker is lost after the answer: it is read again, or its outcome is unknown."""
    contract.bench.answer("done")
    contract.stack.store = FailingStore(contract.stack.store, "set_ref", b"/seen/", times=1)
    async with contract.agent() as name:
        result = await contract.run(name)
    if contract.repeats:
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, "done"), result
    else:
        assert result.category is C.OUTCOME_UNKNOWN
    assert contract.bench.starts == 1


@pytest.mark.only("models")
async def test_contract_reply_that_was_not_recorded_is_counted(contract: Contract) -> None:
    """The worker is lost between answer and record: asked again, and the first one is told."""
    contract.bench.answer("lost")
    contract.bench.answer("done")
    contract.stack.store = FailingStore(contract.stack.store, "set_ref", b"replies/", times=1)
    async with contract.agent() as name:
        result = await contract.run(name)
    assert result.status is RunStatus.SUCCEEDED, result
    assert contract.bench.starts == 2
    assert result.usage.unknown_attempts == 1


async def test_contract_answer_that_is_recorded_is_never_asked_for_again(
    contract: Contract,
) -> None:
    """The worker is lost after the record: the next attempt finds it and calls nobody."""
    contract.bench.answer("done")
    where = b"/handle" if contract.is_session else b"replies/"
    store = FailingStore(contract.stack.store, "set_ref", where, times=1, after=True)
    contract.stack.store = store
    async with contract.agent() as name:
        result = await contract.run(name)
    assert store.failed == 1
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "done"), result
    assert contract.bench.starts == 1
    assert result.usage.unknown_attempts == 0


async def test_contract_worker_that_stops_while_the_provider_works_is_replaced(
    contract: Contract,
) -> None:
    """Another worker watches the same work, or asks again and counts; or nobody knows."""
    if not contract.bench.can_hang:
        return
    contract.bench.hang()
    if not contract.is_session:
        contract.bench.answer("done")
    async with contract.agent() as name:
        handle = await contract.start(name)
        await contract.until(lambda: contract.bench.starts == 1)
        await asyncio.sleep(0.3)  # the step is under way, not about to be recorded
    contract.bench.release()
    async with contract.stack.worker():
        result = await contract.end(handle)
    if not contract.repeats:
        assert result.category is C.OUTCOME_UNKNOWN
        assert contract.bench.starts == 1
        return
    assert result.status is RunStatus.SUCCEEDED, result
    if contract.is_session:
        assert contract.bench.starts == 1
    else:
        assert contract.bench.starts == 2
        assert result.usage.unknown_attempts == 1


@pytest.mark.only("sessions")
async def test_contract_session_that_is_lost_is_never_started_anew(contract: Contract) -> None:
    """What the provider no longer knows has an unknown outcome."""
    contract.bench.expect_refusals()
    contract.bench.hang()
    async with contract.agent() as name:
        handle = await contract.start(name)
        await contract.until(lambda: contract.bench.starts == 1)
        if not contract.bench.lose():
            await handle.terminate()
            return
        result = await contract.end(handle)
    assert result.category is C.OUTCOME_UNKNOWN
    assert contract.bench.starts == 1
