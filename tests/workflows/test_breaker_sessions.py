"""A runtime whose only call is made while it is watched, and its breaker, on the real server."""

import pytest

from rota.failures import FailureCategory, StepError
from rota.runs import AgentRunResult, RunStatus
from rota.runtimes.breaker import BreakerPolicy
from tests.contract.double_provider import Ends, Fails, FakeProvider
from tests.stack import Stack
from tests.workflows.doubled import Doubles, activities_of, status_shows

DOWN = Fails(StepError(FailureCategory.OVERLOADED, "no capacity"))


async def test_session_that_is_watched_by_its_only_call_waits_while_its_breaker_is_open(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed calls open the breaker; the run waits visibly, and its session answers after all."""
    provider = FakeProvider(acts=[DOWN] * 100)
    doubles = Doubles(stack, provider, monkeypatch)
    stack.breaker_policy = BreakerPolicy(open_seconds=4, probe_pause_seconds=1)
    runtime = {"charged": stack.name("account"), "one_call": True}
    retry = {"attempts": 100, "backoff": "300ms", "max_backoff": "300ms"}
    async with doubles.worker(promises={"reattach": False}, runtime=runtime, retry=retry) as name:
        handle = await stack.start(name, f"{name}-1")
        await status_shows(handle, "runtime double is open until")
        calls = len(provider.looks)
        provider.acts = [*([DOWN] * calls), Ends("Done.")]
        result: AgentRunResult = await handle.result()
        steps = await activities_of(handle)
    assert result.status is RunStatus.SUCCEEDED
    assert len(provider.looks) == calls + 1
    assert steps.count("submit_session") == 1
    assert result.usage.unknown_attempts == 0
