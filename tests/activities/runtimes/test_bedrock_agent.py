"""Bedrock Agents Classic on its strict fake: answers, traces, returns of control, ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.pricing import price
from activities.providers import aws_clients
from activities.runtimes.bedrock_agent import BedrockAgentRuntime
from rota.conversation import StopReason, ToolResult
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.bedrock_agent import KIND
from rota.runtimes.session import Observation, SessionState, Told
from tests.activities.runtimes.session_looks import KEY, Reports, request, resumed
from tests.fakes.aws_agents import (
    AGENT,
    ALIAS,
    MODEL,
    AgentsFake,
    ReturnControl,
    Turn,
    function,
)
from tests.fakes.aws_answers import Pieces
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


async def test_observe_answer_sums_usage_over_the_traces_and_ends_the_session(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """Chunks make the answer, traces tell the tokens and the model, which tell the price."""
    fake.agent(Turn("All posted: «12,30 €».", usages=((100, 20), (300, 10)), pieces=3))
    reports = Reports()
    seen = await look(runtime, fake, reports)
    assert seen.final is not None
    assert (seen.state, seen.final.stop) == (SessionState.ENDED, StopReason.END_TURN)
    assert seen.final.message.text == "All posted: «12,30 €»."
    assert seen.final.usage is not None
    assert (seen.final.usage.input_tokens, seen.final.usage.output_tokens) == (400, 30)
    assert seen.final.model == MODEL
    # 400 in at 1.1 dollars a million and 30 out at 5.5: the region is fixed.
    assert price(MODEL, seen.final.usage, KIND.priced_as) == 605
    assert fake.ended == [KEY]
    assert reports.texts[:3] == ["calls the agent", "thinks", "thought"]


async def test_observe_first_call_carries_task_and_labels(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """The agent gets the words, its functions the key to know the work by."""
    fake.agent(Turn("Yes."))
    await look(runtime, fake, attributes={"team": "finance"})
    (sent,) = fake.asked
    assert sent["inputText"] == "Be exact.\n\nReport on account A."
    assert (sent["sessionId"], sent["enableTrace"]) == (KEY, True)
    assert sent["sessionState"]["sessionAttributes"] == {
        "team": "finance",
        "rota_key": KEY,
        "rota_run": "report-1",
        "rota_agent": "report",
    }


async def test_observe_return_of_control_is_a_tool_round_trip(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """Functions and API paths become our tools, and get our results under their own names."""
    api = {
        "actionGroup": "desk",
        "apiPath": "/notes",
        "httpMethod": "POST",
        "requestBody": {
            "content": {
                "application/json": {
                    "properties": [{"name": "text", "type": "string", "value": "5"}]
                }
            }
        },
        "actionInvocationType": "RESULT",
    }
    arguments = {
        "amount": ("number", "12.5"),
        "open": ("boolean", "true"),
        "lines": ("array", '["a", "b"]'),
        "name": ("string", "7"),
        "odd": ("integer", "many"),
    }
    fake.agent(
        ReturnControl((function("ledger__post", arguments), {"apiInvocationInput": api})),
        Turn("Posted and noted."),
    )
    asked = request(block(fake, tools={"POST /notes": "notes.add"}), "ledger.post", "notes.add")
    session = await runtime.submit(asked)
    first = await runtime.observe(session, asked, "", Reports())
    assert (first.state, first.model, fake.ended) == (SessionState.TOOLS, MODEL, [])
    post, note = first.message.tool_calls
    assert (post.name, note.name) == ("ledger.post", "notes.add")
    assert post.args == {
        "amount": 12.5,
        "open": True,
        "lines": ["a", "b"],
        "name": "7",
        "odd": "many",
    }
    assert note.args == {"text": "5"}
    told = Told(
        results=(
            ToolResult(call_id=note.id, content="no room", is_error=True),
            ToolResult(call_id=post.id, content="ok"),
        )
    )
    session = await runtime.answer(session, asked, told, again=False)
    second = await runtime.observe(session, resumed(asked, first, told), first.cursor, Reports())
    assert second.final is not None
    assert second.final.message.text == "Posted and noted."
    assert second.usage is not None
    assert (second.usage.input_tokens, second.usage.output_tokens) == (200, 40)
    given = fake.asked[1]["sessionState"]["returnControlInvocationResults"]
    assert given[0]["functionResult"]["responseBody"] == {"TEXT": {"body": "ok"}}
    assert "responseState" not in given[0]["functionResult"]
    assert given[1]["apiResult"]["httpStatusCode"] == 500
    assert given[1]["apiResult"]["responseState"] == "REPROMPT"
    assert fake.ended == [KEY]


async def test_observe_declared_tool_name_wins_by_group_then_by_function(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """One function's name in two groups can mean two tools."""
    fake.agent(ReturnControl((function("post", {}), function("post", {}, actionGroup="other"))))
    seen = await look(runtime, fake, tools={"group/post": "ledger.post", "post": "notes.post"})
    assert [call.name for call in seen.message.tool_calls] == ["ledger.post", "notes.post"]


async def test_observe_confirmation_by_a_person_is_refused_by_name(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """An action that the agent would take by itself is no tool of ours, nor waved through."""
    fake.agent(ReturnControl((function("post", {}, actionInvocationType="USER_CONFIRMATION"),)))
    with pytest.raises(StepError, match="action group group asks a person") as caught:
        await look(runtime, fake)
    assert caught.value.category is C.TOOL_FAILED


async def test_observe_of_several_models_is_unpriced(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """Nobody can tell whose tokens were whose."""
    frames = (*Turn("", model="a.model-1").frames(), *Turn("Yes.", model="b.model-2").frames())
    headers = {
        "content-type": "application/vnd.amazon.eventstream",
        "x-amzn-bedrock-agent-content-type": "application/json",
        "x-amz-bedrock-agent-session-id": KEY,
    }
    fake.agent(Pieces(frames, headers=headers))
    seen = await look(runtime, fake)
    assert seen.final is not None
    assert seen.final.model == ""
    assert seen.usage is not None
    assert seen.usage.input_tokens == 200


async def test_cancel_ends_the_session_and_confirms_nothing(
    runtime: BedrockAgentRuntime, fake: AgentsFake
):
    """Watching is cut off, the session is ended; that the work has stopped, nobody says."""
    fake.agent(Turn("An answer.", cut=1, how="silence"))
    asked = request(block(fake))
    session = await runtime.submit(asked)
    watching = asyncio.create_task(runtime.observe(session, asked, "", Reports()))
    await fake.requests_arrived(1)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert fake.ended == []
    stopped = await runtime.cancel(session, asked.settings)
    assert not stopped.confirmed
    assert fake.ended == [KEY]
    assert not KIND.capabilities.confirm_cancel


async def test_collect_cannot_be_asked(runtime: BedrockAgentRuntime, fake: AgentsFake):
    """The answer is given once."""
    asked = request(block(fake))
    session = await runtime.submit(asked)
    with pytest.raises(StepError) as caught:
        await runtime.collect(session, asked, "")
    assert caught.value.category is C.OUTCOME_UNKNOWN
    assert fake.requests == []
