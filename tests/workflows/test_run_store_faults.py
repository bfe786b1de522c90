"""A store that stumbles, and answers nobody can use: paid and done once, on the real server."""

from datetime import timedelta

import pytest

from activities import safekeeping
from activities.runtimes.open import OpenRuntimes
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import tool
from rota.usage import Usage
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, ending_of, events_of, retried_step, thinker
from tests.workflows.failing_store import FailingStore


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safekeeping, "DELAYS_SECONDS", (0.0,) * 4)


@pytest.mark.parametrize(("verb", "where"), [("put", b'"reply":'), ("set_ref", b"replies/")])
async def test_answer_that_the_store_refuses_at_first_is_not_bought_again(
    stack: Stack, verb: str, where: bytes
) -> None:
    """The attempt that holds the answer stores it, however often it has to ask."""
    stack.store = store = FailingStore(stack.store, verb, where, times=4)
    async with AnthropicFake() as fake:
        fake.say("Done.")
        async with thinker(stack, fake) as name:
            result = await stack.run(name, f"{name}-1")
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
    assert (len(fake.requests), result.usage.unknown_attempts, store.failed) == (1, 0, 4)


class Unwritable:
    """A runtime whose answer UTF-8 cannot hold."""

    calls = 0

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Answer with half a character."""
        self.calls += 1
        return ModelReply(
            message=Message(role="assistant", content=(Text(text="\ud83d"),)),
            stop=StopReason.END_TURN,
            usage=Usage(),
            model="odd",
        )


class Broken(Unwritable):
    """A runtime with a mistake in its reading of the answer."""

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Stumble over the answer."""
        self.calls += 1
        raise KeyError("content")


@pytest.mark.parametrize("kind", [Unwritable, Broken])
async def test_answer_that_cannot_be_used_fails_the_run_after_one_call(
    stack: Stack, kind: type[Unwritable]
) -> None:
    """Nobody foresaw it, so asking again would pay again for the same."""
    runtime = kind()
    stack.runtimes = OpenRuntimes({"scripted": lambda: runtime})
    name = stack.name("odd")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": 1}), retry=QUICK_RETRY)
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.BUG
    assert "turn 1 was asked, but its answer cannot be used" in ending.message
    assert (runtime.calls, ending.result.usage.unknown_attempts) == (1, 1)


@pytest.mark.parametrize("where", [b"replies/", b"results/"])
async def test_step_whose_store_fails_waits_as_the_agents_retry_says(
    stack: Stack, where: bytes
) -> None:
    """The agent's back-off holds, not Temporal's tenths of a second."""

    @tool(name="books.match")
    def match() -> str:
        """Match."""
        return "matched"

    stack.store = FailingStore(stack.store, "get_ref", where, times=1)
    name = stack.name("worker")
    runtime = script({"calls": [{"tool": match.name}]}, {"result": "done"})
    async with stack.worker([match]):
        retry = {"attempts": 3, "backoff": "700ms"}
        await stack.declare(name, runtime=runtime, tools=[match.name], retry=retry)
        handle = await stack.start(name, f"{name}-1")
        result = await handle.result()
        step = retried_step(await events_of(handle))
    assert result.status is RunStatus.SUCCEEDED
    assert (step.attempt, step.last_failure) == (2, "transient")
    assert step.waited >= timedelta(milliseconds=700)


@pytest.mark.parametrize(
    ("verb", "where", "after"),
    [
        ("put", b"posted as", False),
        ("set_ref", b"results/", False),
        ("set_ref", b"effects/", True),
    ],
)
async def test_write_whose_record_fails_at_first_happens_once_and_counts(
    stack: Stack, verb: str, where: bytes, after: bool
) -> None:
    """The attempt that saw the effect records it: nobody has to look what happened."""
    calls: list[None] = []

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post."""
        calls.append(None)
        return "posted as 17"

    stack.store = store = FailingStore(stack.store, verb, where, times=2, after=after)
    name = stack.name("worker")
    runtime = script({"calls": [{"tool": post.name}]}, {"result": "{results.books_post}"})
    async with stack.worker([post]):
        await stack.declare(name, runtime=runtime, tools=[post.name], retry=QUICK_RETRY)
        result = await stack.run(name, f"{name}-1")
    assert (result.output, len(calls), store.failed) == ("posted as 17", 1, 2)


async def test_write_whose_record_fails_for_good_does_not_blame_the_worker_alone(
    stack: Stack,
) -> None:
    """It is not repeated, and the message names the store as what may have failed."""

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post."""
        return "posted as 17"

    stack.store = FailingStore(stack.store, "put", b"posted as", times=99)
    name = stack.name("worker")
    runtime = script({"calls": [{"tool": post.name}]}, {"result": "done"})
    async with stack.worker([post]):
        await stack.declare(
            name,
            runtime=runtime,
            tools=[post.name],
            retry=QUICK_RETRY,
            effects={"on_unknown": "fail"},
        )
        ending = await ending_of(await stack.start(name, f"{name}-1"))
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "or the store out of reach" in ending.message
