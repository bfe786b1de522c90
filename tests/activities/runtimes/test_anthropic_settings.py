"""Settings and keys that cannot work fail by name, before anything is sent."""

from typing import Any

import pytest

from activities.runtimes.anthropic import AnthropicRuntime
from rota.conversation import Message, ModelRequest, Text
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.anthropic import AnthropicSettings
from rota.runtimes.kind import Probe
from tests.fakes.anthropic_server import AnthropicFake

C = FailureCategory


async def failure_of(runtime: AnthropicRuntime, **settings: Any) -> StepError:
    """The error a call with these settings ends in; nobody listens at its address."""
    defaults = {"kind": "anthropic", "model": "claude-haiku-4-5", "base_url": "http://127.0.0.1:1"}
    question = Message(role="user", content=(Text(text="Go."),))
    request = ModelRequest(settings=defaults | settings, system="", messages=(question,))
    with pytest.raises(StepError) as caught:
        await runtime.invoke(request)
    await runtime.aclose()
    return caught.value


def with_key(key: str) -> AnthropicRuntime:
    """A runtime whose every secret is `key`."""
    return AnthropicRuntime(lambda reference: key)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1", "http://[::1"])
async def test_invoke_unusable_base_url_is_invalid(url: str):
    """A wrong address is a mistake in the declaration, not something to retry."""
    error = await failure_of(with_key("k"), base_url=url)
    assert (error.category, error.maybe_billed) == (C.INVALID_REQUEST, False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": ""}, "runtime.model"),
        ({"timeout": "soon"}, "runtime.timeout"),
        ({"temperature": 0}, "runtime.temperature"),
        ({"api_key": "sk-ant-oops"}, "runtime.api_key"),
    ],
)
async def test_invoke_wrong_settings_name_the_key(settings: dict[str, Any], words: str):
    """Settings that slipped past validation fail by name before anything is sent."""
    error = await failure_of(with_key("k"), **settings)
    assert error.category is C.INVALID_REQUEST
    assert str(error).startswith(words)
    assert "sk-ant" not in str(error)


@pytest.mark.parametrize("secret", ["", "  \n", "sk-é", "sk\nsecond-line"])
async def test_invoke_unusable_key_is_auth_and_not_shown(secret: str):
    """A key that cannot be one is refused before it is sent, by its reference."""
    error = await failure_of(with_key(secret))
    assert error.category is C.AUTH
    assert "env:ANTHROPIC_API_KEY" in str(error)
    assert "sk" not in str(error)


async def test_invoke_missing_key_is_auth_with_the_reference():
    """A reference that leads nowhere is told in the resolver's words."""

    def missing(reference: str) -> str:
        raise LookupError(f"{reference} is not set")

    error = await failure_of(AnthropicRuntime(missing))
    assert (error.category, str(error)) == (
        C.AUTH,
        "runtime.api_key: env:ANTHROPIC_API_KEY is not set",
    )


async def probe_of(runtime: AnthropicRuntime, **settings: Any) -> Probe:
    """What a look with these settings finds."""
    block = AnthropicSettings.model_validate({"model": "claude-haiku-4-5", **settings})
    found = await runtime.probe(block)
    await runtime.aclose()
    return found


async def test_probe_finds_the_model_without_asking_it():
    """Key, address and model are checked, and nothing is billed."""
    async with AnthropicFake(api_key="k") as fake:
        fake.models = ("claude-haiku-4-5",)
        probe = await probe_of(with_key("k"), base_url=fake.url)
        other = await probe_of(with_key("k"), base_url=fake.url, model="claude-0")
        wrong = await probe_of(with_key("other"), base_url=fake.url)
    assert (probe.ok, "serves claude-haiku-4-5" in probe.found) == (True, True)
    assert (other.ok, "runtime.model" in other.cure) == (False, True)
    assert (wrong.ok, "runtime.api_key" in wrong.cure) == (False, True)
    assert not fake.requests


async def test_probe_where_nobody_listens_fails_with_its_cure():
    """A look never raises."""
    probe = await probe_of(with_key("k"), base_url="http://127.0.0.1:1")
    assert (probe.ok, "base_url" in probe.cure) == (False, True)
