"""Every fault of Bedrock Agents, and what can be confirmed after it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers import aws_clients
from activities.runtimes.bedrock_agent import BedrockAgentRuntime
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.bedrock_agent import KIND
from rota.runtimes.session import Observation
from tests.activities.runtimes.session_looks import KEY, Reports, request
from tests.fakes.aws_agents import (
    AGENT,
    ALIAS,
    AgentsFake,
    Turn,
    chunk,
    trace,
)
from tests.fakes.aws_answers import Failure, Hang, Pieces, Response
from tests.fakes.aws_environment import become_known

C = FailureCategory


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)
    # Here nobody but the runtime watches.
    monkeypatch.setattr(aws_clients, "GRACE_SECONDS", 0.0)


@pytest.fixture
async def fake() -> AsyncIterator[AgentsFake]:
    """The fake."""
    async with AgentsFake() as running:
        yield running


@pytest.fixture
async def runtime() -> AsyncIterator[BedrockAgentRuntime]:
    """The runtime; it needs no secrets."""
    runtime = BedrockAgentRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def block(fake: AgentsFake, **more: Any) -> dict[str, Any]:
    """The runtime block."""
    settings = {"kind": "bedrock-agent", "agent_id": AGENT, "alias_id": ALIAS}
    return settings | {"endpoint_url": fake.url} | more


async def look(
    runtime: BedrockAgentRuntime, fake: AgentsFake, reports: Reports | None = None, **more: Any
) -> Observation:
    """Start, and watch once."""
    asked = request(block(fake, **more), "ledger.post")
    session = await runtime.submit(asked)
    return await runtime.observe(session, asked, "", reports or Reports())


FAILED = trace({"failureTrace": {"failureReason": "The function is not there."}})
FAULTS: dict[str, tuple[Response, FailureCategory, bool]] = {
    "400 quota": (Failure(400, "ServiceQuotaExceededException"), C.QUOTA, False),
    "400": (Failure(400, "ValidationException"), C.INVALID_REQUEST, False),
    "403": (Failure(403, "AccessDeniedException"), C.AUTH, False),
    "404": (Failure(404, "ResourceNotFoundException"), C.INVALID_REQUEST, False),
    "409": (Failure(409, "ConflictException"), C.TRANSIENT, False),
    "424 function": (Failure(424, "DependencyFailedException"), C.TOOL_FAILED, True),
    "424 loading": (Failure(424, "ModelNotReadyException"), C.OVERLOADED, False),
    "429": (Failure(429, "ThrottlingException"), C.RATE_LIMITED, False),
    "500": (Failure(500, "InternalServerException"), C.TRANSIENT, True),
    "502": (Failure(502, "BadGatewayException"), C.TRANSIENT, True),
    "stream: throttled": (
        Turn("…", error=("throttlingException", "Slow."), cut=2),
        C.RATE_LIMITED,
        True,
    ),
    "stream: function": (
        Turn("…", error=("dependencyFailedException", "No."), cut=2),
        C.TOOL_FAILED,
        True,
    ),
    "cut": (Turn("An answer.", cut=2), C.TRANSIENT, True),
    "dropped": (Turn("An answer.", cut=2, how="drop"), C.TRANSIENT, True),
    "empty": (Turn(" "), C.OUTCOME_INVALID, True),
    "silent": (Hang(), C.TIMEOUT, True),
}


@pytest.mark.parametrize(("response", "category", "billed"), FAULTS.values(), ids=FAULTS)
async def test_observe_fault_is_classified_after_one_call(
    runtime: BedrockAgentRuntime,
    fake: AgentsFake,
    response: Response,
    category: FailureCategory,
    billed: bool,
):
    """Each fault has its category and its word on the bill; ending is left to `cancel`."""
    fake.agent(response)
    with pytest.raises(StepError) as caught:
        await look(runtime, fake, inactivity="400ms")
    assert (caught.value.category, caught.value.maybe_billed) == (category, billed)
    assert len(fake.asked) == 1
    assert fake.ended == []


async def test_observe_failure_told_in_the_trace_is_the_reason(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """No answer, but a reason: the reason is passed on."""

    def failing(call: Any) -> Pieces:
        whole = Turn("")(call)
        assert isinstance(whole, Pieces)
        return Pieces((*whole.pieces, FAILED), headers=whole.headers)

    fake.agent(failing)
    with pytest.raises(StepError, match=r"The function is not there\.") as caught:
        await look(runtime, fake)
    assert caught.value.category is C.TOOL_FAILED


async def test_observe_stream_that_ends_after_a_chunk_counts_as_whole(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """AWS marks no last event: the kind says that this remains."""

    def short(call: Any) -> Pieces:
        whole = Turn("")(call)
        assert isinstance(whole, Pieces)
        return Pieces((chunk("Of the three"),), headers=whole.headers)

    fake.agent(short)
    seen = await look(runtime, fake)
    assert seen.final is not None
    assert seen.final.message.text == "Of the three"
    assert "a stream with one chunk counts as whole" in KIND.capabilities.remains


async def test_observe_usage_of_another_shape_fails_by_name(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """A count that is gone is named, never read as nothing."""
    usage = {"orchestrationTrace": {"modelInvocationOutput": {"metadata": {"usage": {
        "outputTokens": 5}}}}}  # fmt: skip

    def odd(call: Any) -> Pieces:
        whole = Turn("")(call)
        assert isinstance(whole, Pieces)
        return Pieces((trace(usage), chunk("Yes.")), headers=whole.headers)

    fake.agent(odd)
    with pytest.raises(StepError, match="no usable inputTokens"):
        await look(runtime, fake)


@pytest.mark.parametrize(
    ("response", "confirmed"),
    [
        (Failure(403, "AccessDeniedException"), True),
        (Turn("…", error=("dependencyFailedException", "No."), cut=2), True),
        (Turn("An answer.", cut=2), False),
        (Turn("An answer.", cut=2, how="drop"), False),
    ],
)
async def test_cancel_confirms_what_is_known_to_have_ended(
    runtime: BedrockAgentRuntime, fake: AgentsFake, response: Response, confirmed: bool
):
    """A call that AWS has answered is over; one whose end nobody saw may go on."""
    fake.agent(response)
    asked = request(block(fake))
    session = await runtime.submit(asked)
    with pytest.raises(StepError):
        await runtime.observe(session, asked, "", Reports())
    assert (await runtime.cancel(session, asked.settings)).confirmed == confirmed
    assert fake.ended == [KEY]
