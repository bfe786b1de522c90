"""What every runtime answers with: the same agent, whoever does the thinking."""

import time

from rota.runs import RunStatus
from rota.tools import tool
from tests.contract.bench import Tokens
from tests.contract.played import Contract

USED = Tokens(input=1234, output=56)


@tool(name="books.total", effect="read")
def total(page: int) -> str:
    """Add up a page."""
    return f"total of page {page}: 42"


async def test_contract_answer_is_the_result_with_exact_use_and_cost(contract: Contract) -> None:
    """One start, every token once, the cost as worked out by hand; who answered is told."""
    contract.bench.answer("All is well.", USED)
    async with contract.agent() as name:
        result = await contract.run(name)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "All is well.")
    assert contract.bench.starts == 1
    assert result.runtime == contract.bench.kind.kind
    assert result.usage.cost_micros == contract.bench.cost_micros(USED)
    assert result.usage.unknown_attempts == 0
    assert result.unstopped == ""
    if contract.bench.tells_usage:
        assert (result.usage.input_tokens, result.usage.output_tokens) == (1234, 56)


async def test_contract_answer_is_checked_against_the_schema(contract: Contract) -> None:
    """JSON that fits is the result as a value."""
    contract.bench.answer('{"total": 42}')
    schema = {
        "type": "object",
        "properties": {"total": {"type": "integer"}},
        "required": ["total"],
        "additionalProperties": False,
    }
    async with contract.agent(output={"schema": schema}) as name:
        result = await contract.run(name)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, {"total": 42})


async def test_contract_tool_is_called_here_and_its_result_handed_back(
    contract: Contract,
) -> None:
    """The tool's own name and arguments, its result as it is, the use of both turns.

    A runtime that calls no tools says so, and works without them.
    """
    bench = contract.bench
    if contract.promises.tools:
        bench.call_tool("books.total", {"page": 7}, Tokens(100, 10))
    bench.answer("42", Tokens(200, 20))
    async with contract.agent(tools=[total]) as name:
        result = await contract.run(name)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "42")
    if not contract.promises.tools:
        assert result.tool_calls == 0
        return
    assert result.tool_calls == 1
    assert bench.results == ["total of page 7: 42"]
    if bench.tells_usage:
        assert (result.usage.input_tokens, result.usage.output_tokens) == (300, 30)
        first, second = bench.cost_micros(Tokens(100, 10)), bench.cost_micros(Tokens(200, 20))
        both = None if first is None or second is None else first + second
        assert result.usage.cost_micros == both


async def test_contract_slow_trickle_is_no_silence(contract: Contract) -> None:
    """Pieces that keep coming, each within the limit, outlast it together.

    A runtime that sees no pieces has nothing to show before its end.
    """
    if not contract.bench.trickle("piece by piece", pause=0.4, pieces=4):
        return
    began = time.monotonic()
    limit = {"inactivity": "1s"} if contract.is_session else {}
    async with contract.agent(runtime=limit) as name:
        result = await contract.run(name)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "piece by piece")
    assert time.monotonic() - began > 1.2
    assert contract.bench.starts == 1
