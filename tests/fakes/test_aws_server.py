"""The fake of AWS refuses what AWS refuses: tests that pass on it mean something."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.aws_converse import ConverseFake
from tests.fakes.aws_environment import become_known
from tests.fakes.aws_server import AwsFake

ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
HI = {"role": "user", "content": [{"text": "Hi."}]}
CALL = {
    "role": "assistant",
    "content": [{"toolUse": {"toolUseId": "t1", "name": "look", "input": {}}}],
}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "x"}]}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    become_known(monkeypatch, tmp_path)


def refused(fake: AwsFake, config: Config = ONCE, **body: Any) -> str:
    """How the fake refuses one Converse request that botocore lets pass."""
    # Not the default session, which keeps the login of whoever used it first.
    session = Session()
    client = session.client("bedrock-runtime", endpoint_url=fake.url, config=config)
    try:
        with pytest.raises(ClientError) as caught:
            client.converse(**{"modelId": "m", "messages": [HI]} | body)
    finally:
        client.close()
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": [HI, HI]}, "alternate"),
        ({"messages": [HI, CALL]}, "user message"),
        ({"messages": [HI, CALL, HI], "toolConfig": TOOLS}, "Expected toolResult blocks"),
        ({"messages": [HI, CALL, {"role": "user", "content": [RESULT]}]}, "toolConfig field"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "blank"),
        ({"messages": [{"role": "user", "content": []}]}, "empty"),
        ({"system": [{"cachePoint": {"type": "default"}}]}, "must follow"),
        ({"toolConfig": {"tools": TOOLS["tools"] * 2}}, "not unique"),
        ({"toolConfig": {"tools": []}}, "is not between 1"),
        ({"inferenceConfig": {"maxTokens": 0}}, "is not between 1"),
        ({"outputConfig": {"effort": "x" * 17}}, "is not between 0 and 16"),
        ({"guardrailConfig": {"guardrailIdentifier": "gr"}}, "must be given together"),
        ({"guardrailConfig": {"guardrailVersion": "one"}}, "does not match"),
        ({"messages": [{"role": "robot", "content": [{"text": "Hi."}]}]}, "is not one of"),
        ({"messages": [{"role": "user", "content": [{"text": "a", "cachePoint": {"type":
          "default"}}]}]}, "exactly one member"),
    ],
)  # fmt: skip
async def test_fake_refuses_by_rule_and_by_shape(body: dict[str, Any], words: str):
    """Lengths, patterns, unions and pairs are the service's to refuse, and so the fake's."""
    async with ConverseFake(expect_invalid=True) as fake:
        assert words in await asyncio.to_thread(refused, fake, **body)
    assert fake.requests == []


async def test_fake_refuses_what_is_not_signed():
    """Nobody is let in without credentials."""
    unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    async with ConverseFake(expect_invalid=True) as fake:
        assert "UnrecognizedClient" in await asyncio.to_thread(refused, fake, unsigned)


async def test_fake_is_loud_about_what_nobody_scripted():
    """A request too many fails the test that made it."""
    fake = ConverseFake().start()
    assert "script" in await asyncio.to_thread(refused, fake)
    with pytest.raises(AssertionError, match="Converse found its script empty"):
        fake.close()
