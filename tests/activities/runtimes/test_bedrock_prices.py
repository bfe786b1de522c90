"""What a turn on Bedrock costs, and a look at it that costs nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.pricing import price
from activities.runtimes.bedrock import BedrockRuntime
from rota.conversation import (
    Message,
    ModelReply,
    ModelRequest,
    Text,
    ToolSchema,
)
from rota.runtime_specs.bedrock import KIND, BedrockSettings
from tests.fakes.aws_converse import ConverseFake
from tests.fakes.aws_environment import become_known

MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
POST = ToolSchema(name="ledger.post", description="Post it.", parameters={"type": "object"})
WAYS = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)


@pytest.fixture
async def runtime() -> AsyncIterator[BedrockRuntime]:
    """The runtime; it needs no secrets."""
    runtime = BedrockRuntime(lambda reference: "")
    yield runtime
    await runtime.aclose()


def said(role: Any, *blocks: Any) -> Message:
    """A message."""
    return Message(role=role, content=blocks)


GO = said("user", Text(text="Go."))


def ask(fake: ConverseFake, *messages: Message, **settings: Any) -> ModelRequest:
    """A request with one tool."""
    tools = settings.pop("tools", (POST,))
    turn, system = settings.pop("turn", 1), settings.pop("system", "Be exact.")
    block = {"kind": "bedrock", "model": MODEL, "endpoint_url": fake.url} | settings
    return ModelRequest(
        settings=block, system=system, messages=messages or (GO,), tools=tools, turn=turn
    )


@WAYS
def priced(reply: ModelReply) -> int | None:
    """The cost by table."""
    return price(reply.model, reply.usage, KIND.priced_as)


@pytest.mark.parametrize(
    ("settings", "micros"),
    [
        # 100 in at 1 dollar a million and 20 out at 5; a tenth more where the region is fixed.
        ({"model": "global.anthropic.claude-haiku-4-5-20251001-v1:0"}, 200),
        ({"model": MODEL}, 220),
        (
            {
                "model": "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/"
                "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
            },
            220,
        ),
        (
            {"model": "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/x1"},
            None,
        ),
        (
            {
                "model": "arn:aws:bedrock:eu-central-1:123456789012:"
                "application-inference-profile/x1",
                "priced_model": MODEL,
            },
            220,
        ),
    ],
    ids=["global", "regional", "profile arn", "application profile", "said to be"],
)
async def test_invoke_is_priced_by_model_and_region(
    runtime: BedrockRuntime, settings: dict[str, Any], micros: int | None
):
    """What runs in one region costs a tenth more; a name that tells nothing is unpriced."""
    async with ConverseFake() as fake:
        fake.say("Yes.")
        reply = await runtime.invoke(ask(fake, **settings))
    assert priced(reply) == micros


async def test_invoke_routed_prompt_names_the_model_that_answered(runtime: BedrockRuntime):
    """Behind a prompt router, the trace tells who answered, and so what it cost."""
    invoked = f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/{MODEL}"
    async with ConverseFake() as fake:
        fake.say("Yes.", trace={"promptRouter": {"invokedModelId": invoked}})
        router = "arn:aws:bedrock:eu-central-1:123456789012:default-prompt-router/anthropic:1"
        reply = await runtime.invoke(ask(fake, model=router))
    assert (reply.model, priced(reply)) == (invoked, 220)


async def test_probe_says_who_we_are_without_a_model_call(
    runtime: BedrockRuntime, monkeypatch: pytest.MonkeyPatch
):
    """Credentials and address are looked at; nothing is spent."""
    async with ConverseFake() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", fake.url)
        probe = await runtime.probe(BedrockSettings(model=MODEL, endpoint_url=fake.url))
    assert probe.ok, probe
    assert "arn:aws:iam::123456789012:user/rota (credentials: env)" in probe.found
    assert fake.url in probe.found
    assert (fake.looks, fake.requests) == (2, [])


async def test_probe_where_only_the_service_is_reached_is_well_and_says_so(
    runtime: BedrockRuntime, monkeypatch: pytest.MonkeyPatch
):
    """A network may let nothing through to STS; runs do not ask it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    async with ConverseFake() as fake:
        probe = await runtime.probe(BedrockSettings(model=MODEL, endpoint_url=fake.url))
    assert probe.ok, probe
    assert f"(credentials: env), {fake.url} answers" in probe.found
    assert probe.cure.startswith("STS, which only this check asks, is not reached")
    assert "http://127.0.0.1:1" in probe.cure


async def test_probe_without_credentials_names_the_cure(
    runtime: BedrockRuntime, monkeypatch: pytest.MonkeyPatch
):
    """Nobody to be is found before a run starts, with what to do."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    probe = await runtime.probe(BedrockSettings(model=MODEL))
    assert not probe.ok
    assert "NoCredentialsError" in probe.found
    assert "runtime.profile" in probe.cure
