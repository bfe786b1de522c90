"""What a runtime leaves without effect is remarked on."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from workers.promise_lint import promise_remarks

PROGRAM = {"kind": "command", "command": ["true"]}
MODEL = {"kind": "anthropic", "model": "claude-haiku-4-5"}
AWS_AGENT = {"kind": "bedrock-agent", "agent_id": "AGENT12345", "alias_id": "ALIAS12345"}
TOOLS: dict[str, Any] = {"tools": ["files.read"]}
SAME: dict[str, Any] = {"session": {"continue": "same"}}


def remarks(runtime: dict[str, Any], fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Key and message of each."""
    spec = AgentSpec.model_validate({"name": "x", "runtime": runtime, **fields})
    found = list(promise_remarks(spec))
    assert all(remark.level == "warning" for remark in found)
    return [(".".join(map(str, remark.path)), remark.message) for remark in found]


@pytest.mark.parametrize(
    ("fields", "key", "words"),
    [
        (TOOLS, "tools", "runtime 'command' calls no tools of the agent's"),
        (SAME, "session.continue", "runtime 'command' begins anew in each run"),
    ],
)
def test_promise_remarks_name_what_has_no_effect(
    fields: dict[str, Any], key: str, words: str
) -> None:
    """The key, the runtime, and where its promises stand."""
    ((found, message),) = remarks(PROGRAM, fields)
    assert found == key
    assert message.startswith(words)
    assert message.endswith("see 'rota runtimes command'")


@pytest.mark.parametrize(
    ("runtime", "fields"),
    [(PROGRAM, {}), (AWS_AGENT, TOOLS), (MODEL, TOOLS | SAME)],
)
def test_promise_remarks_on_what_is_kept_are_none(
    runtime: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Promises that come with settings count."""
    assert remarks(runtime, fields) == []
