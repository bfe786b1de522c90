"""How the chat completions runtime carries its settings to the server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelRequest, Text
from tests.fakes.openai_server import OpenAIFake

KEY = "sk-test-0123456789"


@pytest.fixture
async def runtime() -> AsyncIterator[OpenAIRuntime]:
    """A runtime whose every secret is KEY."""
    runtime = OpenAIRuntime(lambda reference: KEY)
    yield runtime
    await runtime.aclose()


def ask(fake: OpenAIFake, **settings: Any) -> ModelRequest:
    """The smallest request."""
    runtime = {"kind": "openai", "model": "gpt-5-mini", "base_url": fake.url}
    question = Message(role="user", content=(Text(text="Go."),))
    return ModelRequest(settings=runtime | settings, system="", messages=(question,))


async def test_invoke_settings_travel_to_the_server(runtime: OpenAIRuntime):
    """Limits, effort, temperature, extras and headers are sent as declared."""
    async with OpenAIFake(api_key=KEY) as fake:
        fake.say("Yes.")
        request = ask(
            fake,
            effort="low",
            temperature=0,
            max_output_tokens=77,
            max_tokens_parameter="max_tokens",
            extra={"seed": 7},
            headers={"x-team": "finance", "x-gateway-key": "env:GATEWAY_KEY"},
        )
        await runtime.invoke(request)
    body, headers = fake.requests[0].body, fake.requests[0].headers
    sent = {key: body[key] for key in ("reasoning_effort", "temperature", "max_tokens", "seed")}
    assert sent == {"reasoning_effort": "low", "temperature": 0, "max_tokens": 77, "seed": 7}
    assert "max_completion_tokens" not in body
    assert (headers["x-team"], headers["x-gateway-key"]) == ("finance", KEY)


async def test_invoke_without_a_key_sends_none(runtime: OpenAIRuntime):
    """A local server is asked without credentials."""
    async with OpenAIFake() as fake:
        fake.say("Yes.")
        await runtime.invoke(ask(fake, api_key=None))
    assert "authorization" not in fake.requests[0].headers


async def test_invoke_base_url_comes_from_environment_when_not_declared(
    runtime: OpenAIRuntime, monkeypatch: pytest.MonkeyPatch
):
    """OPENAI_BASE_URL points a whole worker at a gateway."""
    async with OpenAIFake(api_key=KEY) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url + "/")
        fake.say("Yes.")
        await runtime.invoke(ask(fake, base_url=None))
    assert len(fake.requests) == 1


async def test_invoke_keeps_connections_until_closed(runtime: OpenAIRuntime):
    """Connections are kept between turns, and a closed runtime can be used again."""
    async with OpenAIFake() as fake:
        for _ in range(3):
            fake.say("Yes.")
        await runtime.invoke(ask(fake))
        await runtime.invoke(ask(fake))
        connections = fake.connections
        await runtime.aclose()
        await runtime.invoke(ask(fake))
    assert connections == 1
    assert fake.connections == 2
