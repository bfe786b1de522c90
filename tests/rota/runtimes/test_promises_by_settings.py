"""What kinds promise by their settings: named for those who choose, and true."""

from typing import Any

import pytest

from rota.runtimes.kind import Capabilities
from rota.runtimes.kinds import BUILT_IN

PAID = {"input_tokens": "in", "cost_usd": "usd"}
STATUS = {"url": "http://host/jobs/{session.id}", "state": "state", "done": ["d"], "failed": ["f"]}
START = {"url": "http://host/jobs"}
ARN = "arn:aws:bedrock-agentcore:eu-central-1:123456789012:"
RUNTIME = f"{ARN}runtime/books-0123456789"
WEBHOOK = {"webhook": "https://n8n.test/webhook/books"}

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "agentcore": [
        {"arn": RUNTIME},
        {"arn": RUNTIME, "answer": PAID},
        {"mode": "harness", "arn": f"{ARN}harness/books-0123456789"},
        {"mode": "harness", "arn": f"{ARN}harness/books-0123456789", "runtime_arn": RUNTIME},
    ],
    "command": [
        {"command": ["agent"]},
        {"command": ["agent"], "output": "json"},
        {"command": ["agent"], "output": "json", "answer": PAID},
    ],
    "http": [
        {"mode": "sync", "start": START},
        {"mode": "sync", "start": START, "idempotent": True, "answer": PAID},
        {"mode": "callback", "start": START},
        {
            "mode": "poll",
            "start": START,
            "id": "id",
            "status": {**STATUS, "waiting": ["w"]},
            "cancel": {"url": "http://host/jobs/{session.id}"},
        },
        {"mode": "poll", "start": START, "id": "id", "status": STATUS},
    ],
    "n8n": [WEBHOOK, {**WEBHOOK, "api_key": "env:KEY", "answer": PAID}],
}
"""Settings of each kind that promise different things."""


def held(capabilities: Capabilities) -> set[str]:
    """The promises that are made."""
    return {name for name in Capabilities.names() if getattr(capabilities, name)}


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=lambda kind: kind.kind)
def test_promises_by_settings_are_those_that_differ(kind: Any) -> None:
    """No settings take away what the kind promises; what some of them add is listed."""
    always, added = held(kind.capabilities), set[str]()
    for settings in VARIANTS.get(kind.kind, []):
        found = held(kind.promises(kind.settings.model_validate(settings)))
        assert always <= found, settings
        added |= found - always
    assert kind.by_settings == tuple(name for name in Capabilities.names() if name in added)
    assert (kind.promised is None) is (kind.kind not in VARIANTS)


@pytest.mark.parametrize("kind", VARIANTS)
def test_promise_by_settings_is_none_of_all_settings(kind: str) -> None:
    """What holds with any settings belongs into `capabilities`."""
    known = BUILT_IN[kind]
    found = [
        held(known.promises(known.settings.model_validate(settings))) for settings in VARIANTS[kind]
    ]
    assert set.intersection(*found) == held(known.capabilities)
