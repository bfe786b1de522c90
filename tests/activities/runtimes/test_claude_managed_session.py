"""A Managed Agents session from its creation to its result, against a strict fake."""

from collections.abc import AsyncIterator

import pytest

from rota.conversation import StopReason, ToolResult
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.claude_managed import ClaudeManagedSettings
from rota.runtimes.session import SessionState, Told
from tests.activities.runtimes.managed_driver import MATCH, Driver, managed_fake, runtime, words
from tests.fakes.managed_server import KEY, Fault, ManagedFake
from tests.fakes.managed_turns import Turn

C = FailureCategory


@pytest.fixture
async def fake() -> AsyncIterator[ManagedFake]:
    """Sessions that play a script."""
    async with managed_fake() as fake:
        yield fake


async def test_session_that_answers_is_collected_with_exact_usage_and_cost(fake: ManagedFake):
    """The text, the tokens and the provider's own price of them come out as they were."""
    fake.add(Turn(says=("All matched.",), input=120, output=30))
    session, collected = await Driver.on(fake).run()
    assert collected.message.text == "All matched."
    assert collected.stop is StopReason.END_TURN
    assert collected.model == "claude-opus-5-5"
    assert collected.usage is not None
    assert (collected.usage.input_tokens, collected.usage.output_tokens) == (120, 30)
    # 120 tokens at 1 cent and 30 at 5 cents are $2.70.
    assert collected.usage.cost_micros == 2_700_000
    assert session.told


async def test_submit_creates_a_session_that_spends_nothing(fake: ManagedFake):
    """Before it is told its task, a session is empty, labelled, and not at work."""
    driver = Driver.on(fake, cap_micros=1_234_567, settings={"title": "Night", "version": 3})
    session = await driver.runtime.submit(driver.request)
    assert not session.told
    [created] = fake.sessions
    assert (created.events, created.status) == ([], "idle")
    assert created.metadata == driver.request.labels
    assert created.body["title"] == "Night"
    assert created.body["agent"] == {"type": "agent", "id": "agent_1", "version": 3}
    # $1.234567 is rounded up to the cent.
    assert created.body["budget"]["max_list_cost"] == {"amount": "124", "currency": "USD"}


async def test_token_of_a_repository_is_read_from_its_reference(fake: ManagedFake):
    """A secret in a resource is declared as a reference, and sent as what it refers to."""
    resource = {"type": "github_repository", "url": "https://github.com/acme/books"}
    declared = {"resources": [resource | {"authorization_token": "env:GITHUB_TOKEN"}]}
    driver = Driver.on(fake, settings=declared)
    await driver.runtime.submit(driver.request)
    assert fake.sessions[0].body["resources"] == [resource | {"authorization_token": KEY}]
    settings = ClaudeManagedSettings.model_validate(driver.request.settings)
    assert ("resources.0.authorization_token", "env:GITHUB_TOKEN") in [
        *settings.secret_references()
    ]
    driver = Driver.on(fake, settings={"resources": [{"authorization_token": "ghs_secret"}]})
    with pytest.raises(StepError, match="never the secret itself") as caught:
        await driver.runtime.submit(driver.request)
    assert "ghs_secret" not in str(caught.value)


async def test_opening_holds_the_instructions_and_the_task(fake: ManagedFake):
    """The managed agent keeps its own system prompt; what Rota adds is told."""
    fake.add(Turn(says=("ok",)))
    await Driver.on(fake).run()
    told = next(event for event in fake.sessions[0].events if event["type"] == "user.message")
    texts = [block["text"] for block in told["content"]]
    assert texts == ["Match everything.", "Slot 2026-01-01."]


async def test_tool_call_is_answered_and_the_session_goes_on(fake: ManagedFake):
    """A custom tool is called by Rota's name; its result reaches the session once."""
    fake.add(
        Turn(says=("Looking.",), calls=(("ledger__match", {"account": "A"}),)),
        Turn(says=("Done.",)),
    )
    driver = Driver.on(fake, tools=(MATCH,))
    session = await driver.begin()
    seen = await driver.watch(session)
    assert seen.state is SessionState.TOOLS
    assert seen.message.text == "Looking."
    [call] = seen.message.tool_calls
    assert (call.name, call.args) == ("ledger.match", {"account": "A"})
    session = await driver.tell(
        session, Told(results=(ToolResult(call_id=call.id, content="3 matched"),))
    )
    seen = await driver.watch(session)
    assert (seen.state, seen.message.text) == (SessionState.ENDED, "Done.")
    collected = await driver.runtime.collect(session, driver.request, driver.cursor)
    assert collected.message.text == "Done."


async def test_tools_are_added_to_the_managed_agents_own(fake: ManagedFake):
    """Its toolset stays, its custom tools give way to those that run here."""
    fake.tools.append({"type": "custom", "name": "old", "description": "d", "input_schema": {}})
    driver = Driver.on(fake, tools=(MATCH,))
    await driver.runtime.submit(driver.request)
    agent = fake.sessions[0].body["agent"]
    assert agent["version"] == 7
    assert [tool.get("name") for tool in agent["tools"]] == [None, "ledger__match"]


async def test_parallel_calls_answered_one_by_one_come_again_until_all_are(fake: ManagedFake):
    """What is left of several calls is asked for again, though its event is older."""
    fake.add(
        Turn(calls=(("a", {}), ("b", {}))),
        Turn(says=("Done.",)),
    )
    driver = Driver.on(fake)
    session = await driver.begin()
    first, second = (await driver.watch(session)).message.tool_calls
    await driver.tell(session, Told(results=(ToolResult(call_id=first.id, content="1"),)))
    seen = await driver.watch(session)
    assert seen.message.tool_calls == (second,)
    await driver.tell(session, Told(results=(ToolResult(call_id=second.id, content=""),)))
    assert (await driver.watch(session)).state is SessionState.ENDED


async def test_repair_goes_to_the_same_session(fake: ManagedFake):
    """What is to be mended is told as a message; the answer after it counts."""
    fake.add(Turn(says=("wrong",)), Turn(says=("right",)))
    driver = Driver.on(fake)
    session, _ = await driver.run()
    session = await driver.tell(session, Told(message=words("Mend it.")))
    assert (await driver.watch(session)).message.text == "right"
    collected = await driver.runtime.collect(session, driver.request, driver.cursor)
    assert collected.message.text == "right"


async def test_session_of_many_thoughts_shows_progress_and_no_stop(fake: ManagedFake):
    """Events that are no answer are reported, so that the session counts as alive."""
    fake.add(Turn(thinks=8, pause=0.02, says=("Done.",)))
    driver = Driver.on(fake)
    await driver.run()
    assert sum(text == "agent.thinking" for _, text in driver.reports) > 1


async def test_agents_called_by_the_agent_must_have_ended_too(fake: ManagedFake):
    """A session is not over while a thread of it works."""
    fake.add(Turn(says=("Done.",), thread_seconds=0.3))
    driver = Driver.on(fake)
    session = await driver.begin()
    await driver.watch(session)
    assert not fake.sessions[0].thread_at_work
    assert fake.count("/threads") > 1


async def test_unknown_event_is_progress_and_nothing_else(fake: ManagedFake):
    """An event that this version does not know, of any shape, is passed over."""
    fake.add(Turn(stranger="agent.telepathy", says=("Done.",)))
    _, collected = await Driver.on(fake).run()
    assert collected.message.text == "Done."


@pytest.mark.parametrize(
    ("error", "category"),
    [
        ("model_overloaded_error", C.OVERLOADED),
        ("model_rate_limited_error", C.RATE_LIMITED),
        ("model_request_failed_error", C.TRANSIENT),
        ("mcp_connection_failed_error", C.TOOL_FAILED),
        ("mcp_authentication_failed_error", C.AUTH),
        ("credential_host_unreachable_error", C.TOOL_FAILED),
        ("billing_error", C.QUOTA),
        ("tool_use_limit_reached_error", C.LIMIT_REACHED),
        ("compaction_limit_reached_error", C.CONTEXT_OVERFLOW),
        ("repository_authentication_error", C.AUTH),
        ("repository_not_found_error", C.INVALID_REQUEST),
        ("unknown_error", C.TRANSIENT),
        ("error_of_next_year", C.TRANSIENT),
    ],
)
@pytest.mark.parametrize("retry", ["exhausted", "terminal"])
async def test_session_that_gives_up_fails_by_its_error(
    fake: ManagedFake, error: str, category: C, retry: str
):
    """The error that the session could not outlive says what kind of failure it was."""
    terminal = retry == "terminal"
    fake.add(Turn(error=(error, retry), stop="retries_exhausted", terminates=terminal))
    driver = Driver.on(fake)
    session = await driver.begin()
    with pytest.raises(StepError, match=error) as caught:
        await driver.watch(session)
    assert caught.value.category is category
    assert caught.value.maybe_billed


async def test_error_that_the_session_retries_is_progress(fake: ManagedFake):
    """A session that outlives an error has not failed."""
    fake.add(Turn(error=("model_overloaded_error", "retrying"), says=("Done.",)))
    _, collected = await Driver.on(fake).run()
    assert collected.message.text == "Done."


@pytest.mark.parametrize(
    ("turn", "category"),
    [
        (Turn(stop="retries_exhausted"), C.TRANSIENT),
        (Turn(stop="because"), C.OUTCOME_INVALID),
        (Turn(terminates=True), C.OUTCOME_UNKNOWN),
    ],
)
async def test_stop_that_is_no_answer_fails_by_its_reason(
    fake: ManagedFake, turn: Turn, category: C
):
    """No end but that of a turn can be a success."""
    fake.add(turn)
    driver = Driver.on(fake)
    session = await driver.begin()
    with pytest.raises(StepError) as caught:
        await driver.watch(session)
    assert caught.value.category is category


async def test_refusal_is_collected_as_one(fake: ManagedFake):
    """A refused turn is an end, and never a success."""
    fake.add(Turn(stop="refusal"))
    _, collected = await Driver.on(fake).run()
    assert collected.stop is StopReason.REFUSED


async def test_end_without_a_word_is_no_result(fake: ManagedFake):
    """What was said before a tool was used is not taken for the answer."""
    fake.add(Turn(says=("Looking.",), calls=(("ledger__match", {}),)), Turn())
    with pytest.raises(StepError, match="without a word") as caught:
        await Driver.on(fake, tools=(MATCH,)).run()
    assert caught.value.category is C.OUTCOME_INVALID


@pytest.mark.parametrize(
    "fault",
    [
        Fault(529, "overloaded_error", fits="GET"),
        Fault(429, "rate_limit_error", headers={"retry-after": "0.01"}, fits="GET"),
        Fault(works=True, fits="GET"),
        Fault(body=b"<html>", fits="GET"),
    ],
)
async def test_look_that_fails_for_now_is_outlived(fake: ManagedFake, fault: Fault):
    """The provider's trouble with one request says nothing about the session."""
    fake.add(Turn(seconds=0.05, says=("Done.",)))
    driver = Driver.on(fake)
    session = await driver.begin()
    fake.fail(fault)
    fake.fail(fault)
    assert (await driver.watch(session)).message.text == "Done."


async def test_session_that_is_not_there_is_of_unknown_outcome(fake: ManagedFake):
    """A session that was deleted is never begun anew."""
    fake.add(Turn(hang=True))
    driver = Driver.on(fake)
    session = await driver.begin()
    fake.lose()
    for step in (
        driver.watch(session),
        driver.runtime.collect(session, driver.request, ""),
        driver.tell(session, Told(message=words("?"))),
    ):
        with pytest.raises(StepError, match="is gone") as caught:
            await step
        assert caught.value.category is C.OUTCOME_UNKNOWN


async def test_changed_shape_fails_by_the_fields_name(fake: ManagedFake):
    """A field that is not what it was is named, and does not become nothing."""
    fake.fail(Fault(body=b'{"id": "sesn_1", "status": "idle", "agent": {}}', fits="POST"))
    driver = Driver.on(fake)
    with pytest.raises(StepError, match=r"Claude Managed Agents.*agent\.model\.id") as caught:
        await driver.runtime.submit(driver.request)
    assert caught.value.category is C.OUTCOME_INVALID


async def test_wrong_key_is_redacted_and_says_what_to_check(fake: ManagedFake):
    """A refused key does not travel in the failure."""
    driver = Driver.on(fake)
    driver.runtime = runtime("sk-ant-wrong")
    with pytest.raises(StepError, match=r"runtime\.api_key") as caught:
        await driver.runtime.submit(driver.request)
    assert caught.value.category is C.AUTH
    assert "sk-ant-wrong" not in str(caught.value)
