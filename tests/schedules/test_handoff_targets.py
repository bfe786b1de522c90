"""What a caller's declaration holds of the agents among its tools."""

from pathlib import Path

from rota.coordination.spec import HandoffTarget
from schedules.fleet import load_fleet
from tests.schedules.fleet_folder import AGENT, write

CALLER = AGENT + "tools: [agents.audit, agents.audit.transfer, agents.plain, agents.gone]\n"
AUDIT = """\
name: audit
runtime: {kind: anthropic, model: m}
description: Audits one account.
accepts: {schema: {type: object, required: [account]}}
output: {schema: {type: object, properties: {score: {type: number}, notes: {type: array}}}}
"""
PLAIN = """\
name: plain
runtime: {kind: anthropic, model: m}
input: {text: a, count: 1, share: 0.5, all: true, rows: [1], more: {}, any: null}
output: {schema: {type: array}}
"""


def test_load_fleet_fills_in_what_a_model_is_told_of_other_agents(tmp_path: Path) -> None:
    """Description, result and accepted input; once per agent, unknown ones left out."""
    write(tmp_path, "agents/x.yaml", f"{CALLER}---\n{AUDIT}---\n{PLAIN}")
    agents = load_fleet(tmp_path).agents
    assert agents["x"].spec.handoffs == {
        "audit": HandoffTarget(
            description="Audits one account. Returns an object with score, notes.",
            parameters={"type": "object", "required": ["account"]},
        ),
        "plain": HandoffTarget(
            description="Returns JSON of type array.",
            parameters={
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "count": {"type": "integer"},
                    "share": {"type": "number"},
                    "all": {"type": "boolean"},
                    "rows": {"type": "array"},
                    "more": {"type": "object"},
                    "any": {},
                },
                "additionalProperties": True,
            },
        ),
    }
    assert agents["audit"].spec.handoffs == {}


def test_load_fleet_change_of_a_called_agent_changes_its_callers(tmp_path: Path) -> None:
    """What a model is told is part of the declaration, and so of the plan."""
    write(tmp_path, "agents/x.yaml", f"{CALLER}---\n{AUDIT}---\n{PLAIN}")
    before = load_fleet(tmp_path).agents
    write(tmp_path, "agents/x.yaml", f"{CALLER}---\n{AUDIT.replace('one', 'an')}---\n{PLAIN}")
    after = load_fleet(tmp_path).agents
    changed = [name for name in before if before[name].spec.digest != after[name].spec.digest]
    assert changed == ["x", "audit"]
