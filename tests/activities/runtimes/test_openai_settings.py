"""Settings of the chat completions runtime: what is refused, what is priced, what a look finds."""

import socket
from typing import Any

import pytest
from pydantic import ValidationError

from activities.runtimes.openai import OpenAIRuntime
from rota.conversation import Message, ModelRequest, Text
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.openai import KIND, OpenAISettings
from tests.fakes.openai_server import OpenAIFake

KEY = "sk-test-0123456789"


def with_key(key: str) -> OpenAIRuntime:
    """A runtime whose every secret is `key`."""
    return OpenAIRuntime(lambda reference: key)


def declared(**settings: Any) -> OpenAISettings:
    """A block of this kind."""
    return OpenAISettings.model_validate({"model": "gpt-5-mini", **settings})


async def failure_of(runtime: OpenAIRuntime, **settings: Any) -> StepError:
    """The error a call with these settings ends in; nobody listens at its address."""
    defaults = {"kind": "openai", "model": "gpt-5-mini", "base_url": "http://127.0.0.1:1/v1"}
    question = Message(role="user", content=(Text(text="Go."),))
    request = ModelRequest(settings=defaults | settings, system="", messages=(question,))
    with pytest.raises(StepError) as caught:
        await runtime.invoke(request)
    await runtime.aclose()
    return caught.value


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1", "http://[::1"])
async def test_invoke_unusable_base_url_is_invalid(url: str):
    """A wrong address is a mistake in the declaration, not something to retry."""
    error = await failure_of(with_key("k"), base_url=url)
    assert (error.category, error.maybe_billed) == (FailureCategory.INVALID_REQUEST, False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"extra": {"messages": [], "stream": True}}, "messages, stream: set by Rota itself"),
        ({"headers": {"Authorization": "x"}}, "Authorization: set by Rota itself"),
        ({"headers": {"x y": "z"}}, "'x y' cannot be the name of a header"),
        ({"headers": {"x-key": "sk-oops\nx: y"}}, "x-key: holds characters"),
        ({"api_key": "sk-oops"}, "write a reference"),
        ({"temperature": 3}, "less than or equal to 2"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_the_value(
    settings: dict[str, Any], words: str
):
    """What cannot be sent is refused when it is declared; a secret is not repeated."""
    with pytest.raises(ValidationError) as caught:
        declared(**settings)
    message = caught.value.errors()[0]["msg"]
    assert words in message
    assert "oops" not in message


async def test_invoke_unusable_header_secret_is_auth_with_its_place():
    """A header's secret that cannot be sent is told by its name and its reference."""
    error = await failure_of(with_key("sk\nsecond-line"), api_key=None, headers={"x-k": "env:K"})
    assert error.category is FailureCategory.AUTH
    assert str(error).startswith("runtime.headers.x-k: env:K is empty or holds")


def test_secret_references_name_the_key_and_the_headers_alone():
    """Preflight learns of every secret; plain header values are none."""
    settings = declared(headers={"x-team": "finance", "x-k": "env:K"})
    assert dict(settings.secret_references()) == {
        "api_key": "env:OPENAI_API_KEY",
        "headers.x-k": "env:K",
    }
    assert dict(declared(api_key=None).secret_references()) == {}


@pytest.mark.parametrize(
    ("settings", "provider"),
    [
        ({}, "openai"),
        ({"base_url": "http://127.0.0.1:4000/v1"}, ""),
        ({"base_url": "http://127.0.0.1:4000/v1", "price_as": "mistral"}, "mistral"),
        ({"price_as": "azure"}, "azure"),
    ],
)
def test_prices_of_a_gateway_are_nobodys_until_declared(settings: dict[str, Any], provider: str):
    """A model at another address is not priced as OpenAI's by mistake."""
    assert KIND.prices(declared(**settings)) == provider


def test_account_tells_servers_and_keys_apart_without_secrets():
    """One breaker for each key of each server."""
    accounts = {
        declared().account,
        declared(api_key="env:OTHER").account,
        declared(base_url="http://127.0.0.1:1/v1").account,
        declared(base_url="http://127.0.0.1:1/v1", api_key=None).account,
    }
    assert len(accounts) == 4


@pytest.mark.parametrize(
    ("models", "model", "ok", "found"),
    [
        (("gpt-5-mini", "other"), "gpt-5-mini", True, "serves gpt-5-mini"),
        (("other",), "gpt-5-mini", True, "does not list gpt-5-mini"),
        (None, "gpt-5-mini", True, "lists no models"),
    ],
)
async def test_probe_tells_whether_the_model_is_served(
    models: tuple[str, ...] | None, model: str, ok: bool, found: str
):
    """A look finds the server, the key and the model, and asks for no completion."""
    runtime = with_key(KEY)
    async with OpenAIFake(api_key=KEY, models=models) as fake:
        probe = await runtime.probe(declared(model=model, base_url=fake.url))
    await runtime.aclose()
    assert probe.ok is ok
    assert found in probe.found
    assert not fake.requests


async def test_probe_of_a_wrong_key_or_address_fails_with_its_cure():
    """A look never raises: it tells what is wrong and what to mend."""
    runtime = with_key("sk-wrong")
    async with OpenAIFake(api_key=KEY) as fake:
        wrong = await runtime.probe(declared(base_url=fake.url))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    gone = await runtime.probe(declared(base_url=f"http://127.0.0.1:{port}/v1"))
    await runtime.aclose()
    assert (wrong.ok, "401" in wrong.found, "api_key" in wrong.cure) == (False, True, True)
    assert (gone.ok, "base_url" in gone.cure) == (False, True)


async def test_probe_without_the_secret_says_so():
    """A secret that is not there is a finding, too."""

    def missing(reference: str) -> str:
        raise LookupError(f"{reference} is not set")

    probe = await OpenAIRuntime(missing).probe(declared())
    assert (probe.ok, probe.found) == (False, "runtime.api_key: env:OPENAI_API_KEY is not set")
