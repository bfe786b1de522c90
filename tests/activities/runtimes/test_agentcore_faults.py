"""Every fault of an agent on AgentCore Runtime, and settings that cannot work."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers import aws_clients
from activities.runtimes.agentcore import AgentCoreRuntime
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Observation
from tests.activities.runtimes.session_looks import Reports, request
from tests.fakes.aws_agentcore import HARNESS, RUNTIME, AgentCoreFake
from tests.fakes.aws_answers import Failure, Pieces, Response, Whole
from tests.fakes.aws_environment import become_known

C = FailureCategory
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)
    # Here nobody but the runtime watches.
    monkeypatch.setattr(aws_clients, "GRACE_SECONDS", 0.0)


@pytest.fixture
async def fake() -> AsyncIterator[AgentCoreFake]:
    """The fake."""
    async with AgentCoreFake() as running:
        yield running


@pytest.fixture
async def runtime() -> AsyncIterator[AgentCoreRuntime]:
    """The runtime; it needs no secrets."""
    runtime = AgentCoreRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def block(fake: AgentCoreFake, **more: Any) -> dict[str, Any]:
    """The runtime block."""
    return {"kind": "agentcore", "arn": RUNTIME, "endpoint_url": fake.url} | more


async def look(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, reports: Reports | None = None, **more: Any
) -> Observation:
    """Start, and watch once."""
    asked = request(block(fake, **more))
    session = await runtime.submit(asked)
    return await runtime.observe(session, asked, "", reports or Reports())


async def failure_of(call: Any) -> StepError:
    """The error a call ends in."""
    with pytest.raises(StepError) as caught:
        await call
    return caught.value


def text_of(seen: Observation) -> str:
    """The answer's words."""
    assert seen.final is not None
    return seen.final.message.text


@pytest.mark.parametrize(
    ("response", "category", "billed"),
    [
        (Failure(424, "RuntimeClientError", "exit 1"), C.TOOL_FAILED, True),
        (Failure(402, "ServiceQuotaExceededException"), C.QUOTA, False),
        (Failure(409, "RetryableConflictException"), C.TRANSIENT, False),
        (Failure(429, "ThrottlingException"), C.RATE_LIMITED, False),
        (Failure(403, "AccessDeniedException"), C.AUTH, False),
        (Failure(404, "ResourceNotFoundException"), C.INVALID_REQUEST, False),
        (Failure(400, "ValidationException"), C.INVALID_REQUEST, False),
        (Failure(500, "InternalServerException"), C.TRANSIENT, True),
        (Whole(b'{"a": '), C.TRANSIENT, True),
        (Whole(b""), C.TRANSIENT, True),
        (Whole(b'""'), C.OUTCOME_INVALID, True),
        (
            Pieces((b'data: "a"\n\n', b'data: "b"\n\n'), EVENTS, cut=1, how="drop"),
            C.TRANSIENT,
            True,
        ),
        (
            Pieces((b'data: {"error": "no", "error_type": "ValueError"}\n\n',), EVENTS),
            C.TOOL_FAILED,
            True,
        ),
    ],
    ids=lambda value: getattr(value, "code", None),
)
async def test_observe_fault_is_classified_after_one_call(
    runtime: AgentCoreRuntime,
    fake: AgentCoreFake,
    response: Response,
    category: FailureCategory,
    billed: bool,
):
    """Each fault has its category and its word on the bill; stopping is left to `cancel`."""
    fake.add("InvokeAgentRuntime", response)
    error = await failure_of(look(runtime, fake))
    assert (error.category, error.maybe_billed) == (category, billed), str(error)
    assert len(fake.calls("InvokeAgentRuntime")) == 1
    assert fake.stopped == []


async def test_observe_declared_result_that_is_missing_is_named(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The setting and what is there instead stand in the message."""
    fake.work({"answer": "done"})
    error = await failure_of(look(runtime, fake, answer={"result": "result"}))
    assert (error.category, error.maybe_billed) == (C.OUTCOME_INVALID, True)
    assert "runtime.answer.result" in str(error)


async def test_submit_with_tools_is_refused_by_name(runtime: AgentCoreRuntime, fake: AgentCoreFake):
    """An agent of one's own cannot call ours, and is not left to find out."""
    error = await failure_of(runtime.submit(request(block(fake), "ledger.post")))
    assert error.category is C.INVALID_REQUEST
    assert "runtime.mode" in str(error)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"mode": "harness"}, "arn is not that of a harness"),
        ({"arn": HARNESS}, "arn is not that of a runtime"),
        ({"max_iterations": 3}, "max_iterations is for mode: harness"),
        ({"arn": HARNESS, "mode": "harness", "payload": {"a": 1}}, "payload is for mode: runtime"),
        ({"payload": {"a": "{inputs.x}"}}, "no 'inputs' here"),
        ({"arn": "my-agent"}, "runtime.arn"),
    ],
)
async def test_settings_that_do_not_fit_are_named(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, more: dict[str, Any], words: str
):
    """Keys of the other mode, and ARNs of the other kind, are refused before anything is sent."""
    error = await failure_of(runtime.submit(request(block(fake, **more))))
    assert error.category is C.INVALID_REQUEST
    assert words in str(error)
