"""AgentCore's harness on its strict fake: its loop there, this agent's tools here."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers import aws_clients
from activities.runtimes.agentcore import AgentCoreRuntime
from rota.conversation import Message, StopReason, Text, ToolResult
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.agentcore import KIND, AgentCoreSettings
from rota.runtimes.session import Observation, SessionState, Told
from tests.activities.runtimes.session_looks import KEY, Reports, request, resumed
from tests.fakes.aws_agentcore import HARNESS, RUNTIME, AgentCoreFake, Loop, Round, said
from tests.fakes.aws_answers import Failure, Hang, Response
from tests.fakes.aws_converse import reasoning
from tests.fakes.aws_environment import become_known

C = FailureCategory
MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"


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
    settings = {"kind": "agentcore", "mode": "harness", "arn": HARNESS, "runtime_arn": RUNTIME}
    return settings | {"endpoint_url": fake.url} | more


async def look(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, reports: Reports | None = None, **more: Any
) -> Observation:
    """Start, and watch once."""
    asked = request(block(fake, **more), "ledger.post")
    session = await runtime.submit(asked)
    return await runtime.observe(session, asked, "", reports or Reports())


async def test_observe_answer_with_usage_then_stops_the_session(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The last message is the answer, its tokens are counted, the session is not left to idle."""
    fake.harness(said("All posted."))
    seen = await look(runtime, fake, model=MODEL)
    assert seen.final is not None
    assert (seen.state, seen.final.stop) == (SessionState.ENDED, StopReason.END_TURN)
    assert seen.final.message.text == "All posted."
    assert seen.final.usage is not None
    assert (seen.final.usage.input_tokens, seen.final.usage.output_tokens) == (100, 20)
    assert (seen.final.usage.cost_micros, seen.final.model) == (None, MODEL)
    assert fake.stopped == [KEY]


async def test_observe_settings_reach_the_harness(runtime: AgentCoreRuntime, fake: AgentCoreFake):
    """Instructions, tools, limits and model are this call's; its own tools stay as allowed."""
    fake.harness(said("Yes."))
    await look(
        runtime,
        fake,
        model=MODEL,
        max_iterations=9,
        max_output_tokens=800,
        limit="10m",
        allowed_tools=["shell"],
        actor="team",
        qualifier="live",
    )
    (call,) = fake.calls("InvokeHarness")
    sent = call.params
    assert sent["runtimeSessionId"] == KEY
    assert sent["systemPrompt"] == [{"text": "Be exact."}]
    assert sent["messages"] == [{"role": "user", "content": [{"text": "Report on account A."}]}]
    assert sent["model"] == {"bedrockModelConfig": {"modelId": MODEL}}
    assert (sent["maxIterations"], sent["maxTokens"], sent["timeoutSeconds"]) == (9, 800, 600)
    assert sent["allowedTools"] == ["shell", "@ledger__post"]
    assert (sent["actorId"], sent["qualifier"]) == ("team", "live")
    (tool,) = sent["tools"]
    assert (tool["type"], tool["name"]) == ("inline_function", "ledger__post")
    assert "qualifier" not in fake.calls("StopRuntimeSession")[0].params


async def test_observe_tool_call_is_answered_with_both_messages_and_usage_adds_up(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The harness forgets that it asked: it is told again, with the result; usage is the sum."""
    call = fake.tool_use("ledger__post", {"amount": "12.30"})
    fake.harness(Loop((Round((reasoning("The fee."), {"text": "I post."}, call), "tool_use"),)))
    fake.harness(said("Posted."))
    asked, reports = request(block(fake), "ledger.post"), Reports()
    session = await runtime.submit(asked)
    first = await runtime.observe(session, asked, "", reports)
    assert (first.state, first.final, fake.stopped) == (SessionState.TOOLS, None, [])
    (wanted,) = first.message.tool_calls
    assert (wanted.name, wanted.args) == ("ledger.post", {"amount": "12.30"})
    assert len(first.cursor) < 1024
    told = Told(results=(ToolResult(call_id=wanted.id, content="ok"),))
    session = await runtime.answer(session, asked, told, again=False)
    assert len(fake.calls("InvokeHarness")) == 1
    second = await runtime.observe(session, resumed(asked, first, told), first.cursor, reports)
    assert second.final is not None
    assert second.final.message.text == "Posted."
    assert second.usage is not None
    assert (second.usage.input_tokens, second.usage.output_tokens) == (200, 40)
    sent = fake.calls("InvokeHarness")[1].params
    assert sent["runtimeSessionId"] == KEY
    assert [message["role"] for message in sent["messages"]] == ["assistant", "user"]
    assert sent["messages"][0]["content"][2] == {
        "toolUse": {key: call["toolUse"][key] for key in ("toolUseId", "name", "input")}
    }
    assert "calls ledger__post" in reports.texts
    assert fake.stopped == [KEY]


async def test_observe_words_in_the_place_of_results_are_said(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """A session told something in words gets a message of the user's."""
    fake.harness(said("Once more."), said("Mended."))
    asked = request(block(fake))
    session = await runtime.submit(asked)
    first = await runtime.observe(session, asked, "", Reports())
    mend = Told(message=Message(role="user", content=(Text(text="Mend it."),)))
    await runtime.observe(session, resumed(asked, first, mend), first.cursor, Reports())
    sent = fake.calls("InvokeHarness")[1].params["messages"]
    assert sent == [{"role": "user", "content": [{"text": "Mend it."}]}]


async def test_observe_rounds_of_its_own_are_progress_and_not_the_answer(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """The harness's own tools are its own affair; several messages come, the last one counts."""
    own = fake.tool_use("shell", {"command": "ls"}, type="server_tool_use")
    fake.harness(
        Loop(
            (
                Round(({"text": "I look."}, own), "tool_use"),
                Round(({"text": "files"},), "tool_result", role="user"),
                Round(({"text": "Two files."},)),
            )
        )
    )
    reports = Reports()
    seen = await look(runtime, fake, reports)
    assert seen.final is not None
    assert seen.final.message.text == "Two files."
    assert "calls shell" in reports.texts


STOPS: dict[str, tuple[Response, FailureCategory, str]] = {
    "iterations": (
        said("…", "max_iterations_exceeded"),
        C.LIMIT_REACHED,
        "raise runtime.max_iterations",
    ),
    "time": (said("…", "timeout_exceeded"), C.LIMIT_REACHED, "raise runtime.limit"),
    "partial": (said("…", "partial_turn"), C.OUTCOME_INVALID, "120 tokens were used"),
    "interrupted": (said("…", "interrupted"), C.TRANSIENT, "interrupted"),
    "malformed call": (said("…", "malformed_tool_use"), C.TRANSIENT, "malformed_tool_use"),
    "malformed output": (said("…", "malformed_model_output"), C.TRANSIENT, "cannot read"),
    "between rounds": (said("…", "tool_result"), C.TRANSIENT, "between two rounds"),
    "tool use without ours": (said("…", "tool_use"), C.TRANSIENT, "between two rounds"),
    "unknown": (said("…", "nirvana"), C.OUTCOME_INVALID, "nirvana"),
    "empty": (said(" "), C.OUTCOME_INVALID, "without an answer"),
    "cut": (said("A long answer.", cut=3), C.TRANSIENT, "no messageStop"),
    "cut before usage": (said("Yes.", cut=4), C.TRANSIENT, "no metadata"),
    "agent code": (said("…", error=("runtimeClientError", "exit 1"), cut=1), C.TOOL_FAILED, "exit"),
    "internal": (said("…", error=("internalServerException", "Oh"), cut=1), C.TRANSIENT, "Oh"),
    "silent": (Hang(), C.TIMEOUT, "ReadTimeoutError"),
}


@pytest.mark.parametrize(("response", "category", "words"), STOPS.values(), ids=STOPS)
async def test_observe_stop_without_an_answer_fails_by_name(
    runtime: AgentCoreRuntime,
    fake: AgentCoreFake,
    response: Response,
    category: FailureCategory,
    words: str,
):
    """Whatever ends the loop but an answer says what, and may be billed."""
    fake.harness(response)
    with pytest.raises(StepError, match=words) as caught:
        await look(runtime, fake, inactivity="400ms")
    assert (caught.value.category, caught.value.maybe_billed) == (category, True)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("max_tokens", StopReason.MAX_TOKENS),
        ("max_output_tokens_exceeded", StopReason.MAX_TOKENS),
        ("content_filtered", StopReason.REFUSED),
        ("hook_stopped", StopReason.REFUSED),
        ("model_context_window_exceeded", StopReason.CONTEXT_OVERFLOW),
        ("stop_sequence", StopReason.END_TURN),
    ],
)
async def test_observe_stop_with_its_usage_is_told_apart(
    runtime: AgentCoreRuntime, fake: AgentCoreFake, stop: str, expected: StopReason
):
    """Where our words have a reason for it, the stop is one, and its tokens count."""
    fake.harness(said("Some words.", stop))
    seen = await look(runtime, fake)
    assert seen.final is not None
    assert seen.final.stop is expected
    assert seen.usage is not None
    assert seen.usage.tokens == 120


async def test_observe_throttled_start_is_free_and_stops_nothing(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """What never began is not stopped."""
    fake.harness(Failure(429, "ThrottlingException", headers={"Retry-After": "3"}))
    with pytest.raises(StepError) as caught:
        await look(runtime, fake)
    assert (caught.value.category, caught.value.maybe_billed) == (C.RATE_LIMITED, False)
    assert caught.value.retry_after is not None
    assert fake.stopped == []


async def test_harness_without_its_runtime_cannot_be_stopped_and_says_so(
    runtime: AgentCoreRuntime, fake: AgentCoreFake
):
    """What cannot be done is not promised: not in the table, not by `cancel`, not at the end."""
    settings = block(fake, runtime_arn=None)
    fake.harness(said("Yes."))
    asked = request(settings)
    session = await runtime.submit(asked)
    seen = await runtime.observe(session, asked, "", Reports())
    assert seen.final is not None
    assert "runtime.runtime_arn" in seen.final.links["session_left"]
    stopped = await runtime.cancel(session, settings)
    assert (stopped.confirmed, fake.stopped) == (False, [])
    assert not KIND.promises(AgentCoreSettings.model_validate(settings)).confirm_cancel
    assert KIND.promises(AgentCoreSettings.model_validate(block(fake))).confirm_cancel
