"""A tool that knows why it failed is believed: tried again, told to the model, or final."""

from datetime import timedelta

import pytest

from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.tools import ToolContext, tool
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, ending_of

ASK = {"result": "{results.books_post}"}


async def test_tool_that_was_told_to_wait_is_tried_again_after_that_time(stack: Stack) -> None:
    """The service's own retry-after takes the place of the agent's back-off."""
    tries: list[str] = []

    @tool(name="books.post", effect="idempotent")
    def post(context: ToolContext) -> str:
        """Post, at the second try."""
        tries.append(context.idempotency_key)
        if len(tries) == 1:
            wait = timedelta(milliseconds=20)
            raise StepError(FailureCategory.RATE_LIMITED, "slow down", retry_after=wait)
        return "posted"

    async with stack.worker([post]):
        name = stack.name("worker")
        runtime = script({"calls": [{"tool": "books.post"}]}, ASK)
        # Its own back-off is longer than any test may take.
        retry = {"attempts": 2, "backoff": "10m", "max_backoff": "10m"}
        await stack.declare(name, runtime=runtime, tools=["books.post"], retry=retry)
        result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "posted")
    assert len(set(tries)) == 1


async def test_tool_whose_credentials_are_refused_fails_the_run_by_name(stack: Stack) -> None:
    """A model cannot mend a token: the run fails at once, with the category."""

    @tool(name="books.post", effect="idempotent")
    def post() -> str:
        """Fail."""
        raise StepError(FailureCategory.AUTH, "the token of github is refused")

    async with stack.worker([post]):
        name = stack.name("worker")
        runtime = script({"calls": [{"tool": "books.post"}]}, ASK)
        await stack.declare(name, runtime=runtime, tools=["books.post"], retry=QUICK_RETRY)
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.AUTH
    assert "books.post: the token of github is refused" in ending.message


@pytest.mark.parametrize("maybe_done", [False, True])
async def test_write_tool_that_was_refused_before_its_effect_is_told_to_the_model(
    stack: Stack, maybe_done: bool
) -> None:
    """A write that surely did nothing is no riddle; one that may have is."""
    calls: list[None] = []

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Fail."""
        calls.append(None)
        raise StepError(FailureCategory.RATE_LIMITED, "slow down", maybe_billed=maybe_done)

    async with stack.worker([post]):
        name = stack.name("worker")
        runtime = script({"calls": [{"tool": "books.post"}]}, ASK)
        fails = {"on_unknown": "fail"}
        await stack.declare(
            name, runtime=runtime, tools=["books.post"], retry=QUICK_RETRY, effects=fails
        )
        if maybe_done:
            ending = await ending_of(await stack.start(name, f"{name}-1"))
            assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
        else:
            result = await stack.run(name, f"{name}-1")
            assert result.output == "books.post: slow down"
    assert len(calls) == 1
