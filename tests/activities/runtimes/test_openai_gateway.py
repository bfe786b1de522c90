"""What a gateway makes of its provider's refusals: LiteLLM's way of passing them on."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelRequest, Text
from rota.failures import FailureCategory, StepError
from tests.fakes.openai_answers import Answer, Failure, Response, StreamError
from tests.fakes.openai_server import OpenAIFake

C = FailureCategory
OVERLOADED = (
    "litellm.InternalServerError: AnthropicError - "
    '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
)


@pytest.fixture
async def runtime() -> AsyncIterator[OpenAIRuntime]:
    """A runtime; its key does not matter."""
    runtime = OpenAIRuntime(lambda reference: "sk-test-0123456789")
    yield runtime
    await runtime.aclose()


async def failure_of(runtime: OpenAIRuntime, response: Response) -> StepError:
    """The error of a turn that the gateway answers so."""
    async with OpenAIFake() as fake:
        fake.add(response)
        settings = {"kind": "openai", "model": "claude", "base_url": fake.url}
        question = Message(role="user", content=(Text(text="Go."),))
        with pytest.raises(StepError) as caught:
            await runtime.invoke(ModelRequest(settings=settings, system="", messages=(question,)))
    return caught.value


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"llm_provider-retry-after": "7"}, 7),
        ({"LLM_Provider-Retry-After": "7"}, 7),
        ({"retry-after": "3", "llm_provider-retry-after": "7"}, 3),
    ],
)
async def test_wait_that_the_provider_asked_for_is_taken_over(
    runtime: OpenAIRuntime, headers: dict[str, str], seconds: int
) -> None:
    """Under the gateway's name for it, unless the gateway itself says how long."""
    failed = await failure_of(runtime, Failure(429, None, "Too many", headers=headers))
    assert failed.category is C.RATE_LIMITED
    assert failed.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("response", "category", "billed"),
    [
        (Failure(500, "500", OVERLOADED), C.OVERLOADED, False),
        (Failure(500, "500", "litellm.InternalServerError: it broke"), C.TRANSIENT, True),
        (Failure(400, "400", "No connected db."), C.AUTH, False),
        (
            Answer(
                "Half of an answer.", fault=StreamError(2, {"code": "500", "message": OVERLOADED})
            ),
            C.OVERLOADED,
            True,
        ),
    ],
    ids=["overloaded", "broken", "wrong key", "overloaded in the stream"],
)
async def test_refusal_behind_a_gateway_keeps_its_meaning(
    runtime: OpenAIRuntime, response: Response, category: FailureCategory, billed: bool
) -> None:
    """An overloaded provider has done nothing, whatever status stands for it here."""
    failed = await failure_of(runtime, response)
    assert (failed.category, failed.maybe_billed) == (category, billed), str(failed)
