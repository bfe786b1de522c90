"""Which runtimes make their only call while they are watched."""

from typing import Any

import pytest

from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kinds import BUILT_IN

START = {"url": "https://jobs.example/start"}
POLLED = {"mode": "poll", "id": "id", "status": {"url": "https://jobs.example/{session.id}"}}
HOOK = "https://n8n.example/webhook/1"
ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/clerk-0123456789"

BLOCKS: list[tuple[dict[str, Any], bool]] = [
    ({"kind": "agentcore", "arn": ARN}, True),
    ({"kind": "bedrock-agent", "agent_id": "A", "alias_id": "B"}, True),
    ({"kind": "claude-managed", "agent": "a", "environment": "e"}, False),
    ({"kind": "command", "command": ["clerk"]}, True),
    ({"kind": "cursor"}, False),
    ({"kind": "http", "mode": "sync", "start": START}, True),
    ({"kind": "http", "start": START, **POLLED}, False),
    ({"kind": "n8n", "webhook": HOOK}, True),
    ({"kind": "n8n", "webhook": HOOK, "api_key": "env:N8N"}, False),
]


@pytest.mark.parametrize(("block", "is_one_call"), BLOCKS)
def test_settings_tell_whether_the_only_call_is_made_by_watching(
    block: dict[str, Any], is_one_call: bool
) -> None:
    """There a breaker stands before the watching; elsewhere before the start."""
    settings = BUILT_IN[block["kind"]].settings.model_validate(block)
    assert isinstance(settings, SessionSettings)
    assert settings.is_one_call is is_one_call


def test_programs_share_no_breaker() -> None:
    """How one program ends says nothing of another: an exit code is its own answer."""
    settings = BUILT_IN["command"].settings.model_validate({"kind": "command", "command": ["a"]})
    assert settings.account == ""
