"""Whoever asks for callbacks is told what the fleet lacks for them, in one line."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.agent_spec import AgentSpec
from rota.hooks.gateway_spec import GatewaySpec
from workers.callback_lint import callback_remarks

URL = {"url": "https://rota.example.com"}
MANAGED = {"kind": "claude-managed", "agent": "agent_1", "environment": "env_1"}
N8N = {"kind": "n8n", "webhook": "https://n8n.example.com/webhook/x", "api_key": "env:K"}
HTTP = {"kind": "http", "mode": "callback", "start": {"url": "https://jobs.example.com/jobs"}}
CALLS = {"callback": True}
DOOR = {"callbacks": {"claude-managed": {"secrets": ["env:S"]}}}


@pytest.mark.parametrize(
    ("runtime", "gateway", "found"),
    [
        (N8N, {}, []),
        (N8N | CALLS, URL, []),
        (N8N | CALLS, {}, [("warning", "runtime.callback", "declare gateway.url")]),
        (HTTP, URL, []),
        (HTTP, {}, [("warning", "runtime.mode", "declare gateway.url")]),
        (MANAGED, {}, []),
        (MANAGED | CALLS, URL | DOOR, []),
        (MANAGED | CALLS, URL, [("error", "runtime.callback", "gateway.callbacks.claude-managed")]),
        ({"kind": "scripted", "turns": [{"say": "x"}]}, {}, []),
    ],
)
def test_callback_remarks_say_what_to_declare(
    runtime: dict[str, Any], gateway: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    """Workers may have an address by their command line; a webhook's secret stands in the file."""
    spec = AgentSpec.model_validate({"name": "x", "runtime": runtime})
    remarks = list(callback_remarks(spec, GatewaySpec.model_validate(gateway)))
    assert [(each.level, ".".join(map(str, each.path))) for each in remarks] == [
        (level, key) for level, key, _ in found
    ]
    for remark, (_, _, words) in zip(remarks, found, strict=True):
        assert words in remark.message


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        (DOOR, "callbacks need url"),
        (URL | {"callbacks": {"cursor": {"secrets": ["env:S"]}}}, "claude-managed"),
        (URL | {"callbacks": {"claude-managed": {"secrets": []}}}, "at least 1"),
        (URL | {"callbacks": {"claude-managed": {"secrets": ["whsec_x"]}}}, "never the secret"),
    ],
)
def test_callbacks_that_cannot_work_are_refused(gateway: dict[str, Any], words: str) -> None:
    """Before anything is served."""
    with pytest.raises(ValidationError, match=words):
        GatewaySpec.model_validate(gateway)
