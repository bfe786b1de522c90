"""A session outlives the execution that started it: continue-as-new between two of its stops."""

import pytest

from rota.runs import RunStatus
from rota.tools import tool
from tests.contract.double_provider import Calls, Ends, FakeProvider
from tests.replay.scenarios import chain
from tests.stack import Stack
from tests.workflows.doubled import Doubles


async def test_session_run_continued_as_new_goes_on_with_the_same_session(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started, told or counted twice; the new execution knows what to stop."""

    @tool(name="books.page", effect="read")
    def page(number: int) -> int:
        """Read a page."""
        return number

    acts = [Calls((("books.page", {"number": number}),)) for number in range(8)]
    provider = FakeProvider(acts=[*acts, Ends("Done.")])
    async with Doubles(hasty, provider, monkeypatch).worker(tools=[page]) as name:
        result = await hasty.run(name, f"{name}-1")
        executions = await chain(hasty.client, f"{name}-1")
    assert len(executions) > 1
    assert (result.status, result.turns, result.tool_calls) == (RunStatus.SUCCEEDED, 9, 8)
    assert (provider.starts, provider.stops) == (1, 0)
    assert result.usage.input_tokens == 900
    (session,) = provider.sessions.values()
    assert [told.results[0].content for told in session.told] == [str(n) for n in range(8)]
