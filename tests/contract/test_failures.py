"""What every runtime makes of a provider's failures: the closed list, and what it calls for."""

import time

from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus
from tests.contract.played import Contract

C = FailureCategory
BLOCKS = (C.AUTH, C.QUOTA)
FINAL = (
    C.AUTH,
    C.QUOTA,
    C.INVALID_REQUEST,
    C.CONTEXT_OVERFLOW,
    C.REFUSED,
    C.TOOL_FAILED,
    C.LIMIT_REACHED,
    C.OUTCOME_INVALID,
)
PASSING = (C.TRANSIENT, C.RATE_LIMITED, C.OVERLOADED, C.TIMEOUT)


def passes(contract: Contract, result: AgentRunResult) -> bool:
    """It was asked again and answered; or cannot be asked again, and says so."""
    if result.status is RunStatus.SUCCEEDED:
        return result.output == "done"
    return not contract.repeats and result.category is C.OUTCOME_UNKNOWN


async def test_contract_final_failures_end_the_run_by_name(contract: Contract) -> None:
    """What asking again cannot mend is not asked again; what a person mends blocks the run."""
    contract.bench.expect_refusals()
    said: list[FailureCategory] = []
    async with contract.agent() as name:
        for category in filter(contract.bench.fail, FINAL):
            starts = contract.bench.starts
            result = await contract.run(name, len(said))
            said.append(category)
            assert result.category is category, result
            assert result.status is (RunStatus.BLOCKED if category in BLOCKS else RunStatus.FAILED)
            assert result.reason
            assert contract.bench.starts <= starts + 1
            assert result.unstopped == ""
    assert said or contract.bench.kind.kind == "scripted"


async def test_contract_passing_failures_are_asked_again(contract: Contract) -> None:
    """One more attempt mends each; what cannot be asked again says so."""
    contract.bench.expect_refusals()
    async with contract.agent() as name:
        for number, category in enumerate(filter(contract.bench.fail, PASSING)):
            contract.bench.answer("done")
            result = await contract.run(name, number)
            assert passes(contract, result), (category, result)
            if result.status is not RunStatus.SUCCEEDED:
                return  # its answer is still to be played


async def test_contract_provider_that_names_a_time_is_not_asked_before(
    contract: Contract,
) -> None:
    """Its retry-after wins over the agent's own, shorter back-off."""
    contract.bench.expect_refusals()
    if not contract.bench.fail(C.RATE_LIMITED, retry_after=1):
        return
    contract.bench.answer("done")
    began = time.monotonic()
    async with contract.agent() as name:
        result = await contract.run(name)
    assert passes(contract, result), result
    assert time.monotonic() - began > 1


async def test_contract_cut_answer_is_never_taken_for_a_whole_one(contract: Contract) -> None:
    """The attempt may be billed and is counted; it is made again where that is allowed."""
    contract.bench.expect_refusals()
    if not contract.bench.cut():
        return
    contract.bench.answer("done")
    async with contract.agent() as name:
        result = await contract.run(name)
    assert passes(contract, result), result
    if not contract.is_session or not contract.repeats:
        assert result.usage.unknown_attempts == 1


async def test_contract_hang_ends_by_its_limit_and_is_stopped(contract: Contract) -> None:
    """Silence is a timeout by name; the provider is told to stop, and what it says is kept."""
    limit = contract.impatient("700ms")
    contract.bench.hang()
    contract.bench.hang()
    retry = {"attempts": 2, "backoff": "10ms"}
    async with contract.agent(runtime=limit, retry=retry) as name:
        result = await contract.run(name)
        keeper = await contract.stack.keeper(name)
    assert (result.status, result.category) == (RunStatus.FAILED, C.TIMEOUT)
    if not contract.is_session:
        return
    assert contract.bench.starts == 1
    if contract.promises.cancel:
        assert contract.bench.stops == 1
    if contract.promises.confirm_cancel:
        assert (result.unstopped, keeper.unstopped) == ("", ())
    else:
        assert len(keeper.unstopped) == (1 if result.unstopped else 0)
