"""What the provider does wrong, and what becomes of the run: on the real server."""

from datetime import timedelta

import pytest

from rota.failures import FailureCategory
from rota.runs import RunStatus
from tests.fakes.anthropic_answers import Answer, Cut, Failure, Garbage, Hang, Response, text
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import QUICK_RETRY, ending_of, events_of, retried_step, thinker

LONG = (text("A long answer that takes many events to stream. " * 5),)
SPENT = Failure(429, "rate_limit_error", "Monthly limit", code="enforced_spend_limit_reached")

PASSING: dict[str, tuple[Response, str, int]] = {
    "529": (Failure(529, "overloaded_error", "Overloaded"), "overloaded", 0),
    "500": (Failure(500), "transient", 1),
    "cut stream": (Answer(LONG, fault=Cut(4)), "transient", 1),
    "reply lost after the work": (Answer(LONG, fault=Cut(0, "drop")), "transient", 1),
    "200 with garbage": (Garbage(), "transient", 1),
    "hang past the timeout": (Hang(), "timeout", 1),
}
"""A fault, the category it is retried under, and whether it may have been billed."""


@pytest.mark.parametrize(("fault", "category", "unknown"), PASSING.values(), ids=PASSING)
async def test_run_passing_fault_is_retried_and_the_run_succeeds(
    stack: Stack, fault: Response, category: str, unknown: int
) -> None:
    """One more call mends it; an attempt that may have been billed is counted, not dropped."""
    async with AnthropicFake() as fake:
        fake.add(fault)
        fake.say("Done.")
        async with thinker(stack, fake, runtime={"timeout": "1s"}) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            step = retried_step(await events_of(handle))
            (entry,) = (await stack.keeper(name)).ledger.values()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
    assert len(fake.requests) == 2
    assert (step.attempt, step.last_failure) == (2, category)
    assert result.usage.unknown_attempts == entry.usage.unknown_attempts == unknown
    assert result.turns == 1


async def test_run_rate_limited_waits_as_long_as_the_provider_asks(stack: Stack) -> None:
    """A 429's retry-after wins over the agent's own, shorter back-off."""
    async with AnthropicFake() as fake:
        fake.fail(429, "rate_limit_error", headers={"retry-after": "1"})
        fake.say("Done.")
        async with thinker(stack, fake) as name:
            handle = await stack.start(name, f"{name}-1")
            result = await handle.result()
            step = retried_step(await events_of(handle))
    assert result.status is RunStatus.SUCCEEDED
    assert (step.attempt, step.last_failure) == (2, "rate_limited")
    assert timedelta(seconds=1) <= step.waited < timedelta(seconds=5)
    assert len(fake.requests) == 2


FINAL: dict[str, tuple[Response, RunStatus, FailureCategory]] = {
    "refusal": (Answer((), "refusal"), RunStatus.FAILED, FailureCategory.REFUSED),
    "output limit": (Answer(LONG, "max_tokens"), RunStatus.FAILED, FailureCategory.OUTCOME_INVALID),
    "context full": (
        Answer(LONG, "model_context_window_exceeded"),
        RunStatus.FAILED,
        FailureCategory.CONTEXT_OVERFLOW,
    ),
    "prompt too long": (
        Failure(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000"),
        RunStatus.FAILED,
        FailureCategory.CONTEXT_OVERFLOW,
    ),
    "empty answer": (Answer(()), RunStatus.FAILED, FailureCategory.OUTCOME_INVALID),
    "wrong key": (
        Failure(401, "authentication_error", "invalid x-api-key"),
        RunStatus.BLOCKED,
        FailureCategory.AUTH,
    ),
    "spend limit": (SPENT, RunStatus.BLOCKED, FailureCategory.QUOTA),
}


@pytest.mark.parametrize(("answer", "status", "category"), FINAL.values(), ids=FINAL)
async def test_run_final_fault_ends_it_by_name_after_one_call(
    stack: Stack, answer: Response, status: RunStatus, category: FailureCategory
) -> None:
    """What repeating cannot mend is asked once and is never success."""
    async with AnthropicFake() as fake:
        fake.add(answer)
        async with thinker(stack, fake) as name:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
            state = await stack.keeper(name)
    (entry,) = state.ledger.values()
    assert (ending.result.status, ending.result.category) == (status, category)
    assert ending.kind == f"Run{status.value.capitalize()}"
    assert ending.result.output is None
    assert (entry.status, entry.category) == (status, category)
    assert state.session("default").holder is None
    assert len(fake.requests) == 1


async def test_run_attempts_exhausted_fails_with_the_providers_category(stack: Stack) -> None:
    """After the declared attempts the run says what the provider last said."""
    async with (
        AnthropicFake(lambda request: Failure(529, "overloaded_error", "Overloaded")) as fake,
        thinker(stack, fake) as name,
    ):
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.kind == "RunFailed"
    assert ending.result.category is FailureCategory.OVERLOADED
    assert "Overloaded" in ending.message
    assert len(fake.requests) == QUICK_RETRY["attempts"]


async def test_run_that_failed_still_shows_the_attempts_that_may_be_billed(stack: Stack) -> None:
    """Money that may have been spent for nothing is in the result and in the ledger."""
    lost = Answer(LONG, fault=Cut(0, "drop"))
    async with AnthropicFake(lambda request: lost) as fake, thinker(stack, fake) as name:
        ending = await ending_of(await stack.start(name, f"{name}-1"))
        (entry,) = (await stack.keeper(name)).ledger.values()
    assert ending.result.category is FailureCategory.TRANSIENT
    assert fake.billed == 3
    assert ending.result.usage.unknown_attempts == entry.usage.unknown_attempts == 3


async def test_run_paused_answer_is_sent_back_as_it_was(stack: Stack) -> None:
    """The provider's pause is a turn of its own; the conversation goes on with it."""
    async with AnthropicFake() as fake:
        fake.say("Let me think on.", stop="pause_turn")
        fake.say("Done.")
        async with thinker(stack, fake) as name:
            result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output, result.turns) == (RunStatus.SUCCEEDED, "Done.", 2)
    last = fake.requests[1].body["messages"][-1]
    assert (last["role"], last["content"][0]["text"]) == ("assistant", "Let me think on.")
