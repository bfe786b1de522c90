"""Agents as tools of other agents: what a caller's model is told of them.

Pure. It becomes part of the caller's declaration, so a change of what an agent accepts or
returns shows up in the plan of everyone who calls it.
"""

from collections.abc import Mapping
from typing import Any, cast

from rota.agent_spec import AgentSpec
from rota.coordination.handoffs import handoff_of
from rota.coordination.spec import HandoffTarget
from schedules.declared import DeclaredAgent

KEYS_NAMED = 12
"""Keys of a result that a description lists."""

_JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def with_handoffs(agents: Mapping[str, DeclaredAgent]) -> dict[str, DeclaredAgent]:
    """Return the agents with `handoffs` filled in for each agent among their tools.

    Names nobody declares are left out; the fleet's checks report them.
    """
    return {name: _filled(agent, agents) for name, agent in agents.items()}


def _filled(agent: DeclaredAgent, agents: Mapping[str, DeclaredAgent]) -> DeclaredAgent:
    named = {handoff.agent for tool in agent.spec.tools if (handoff := handoff_of(tool))}
    handoffs = {name: handoff_target(agents[name].spec) for name in sorted(named & {*agents})}
    if not handoffs:
        return agent
    return DeclaredAgent(agent.spec.model_copy(update={"handoffs": handoffs}), agent.document)


def handoff_target(spec: AgentSpec) -> HandoffTarget:
    """Return what a model is told of `spec` as a tool."""
    parts = [spec.description.strip(), _returns(spec)]
    return HandoffTarget(
        description=" ".join(part for part in parts if part), parameters=_parameters(spec)
    )


def _returns(spec: AgentSpec) -> str:
    if spec.output is None:
        return ""
    schema = spec.output.json_schema
    keys = list(cast("dict[str, Any]", schema.get("properties") or {}))
    if keys:
        shown = ", ".join(keys[:KEYS_NAMED]) + (", ..." if len(keys) > KEYS_NAMED else "")
        return f"Returns an object with {shown}."
    kind = schema.get("type")
    return f"Returns JSON of type {kind}." if isinstance(kind, str) else ""


def _parameters(spec: AgentSpec) -> dict[str, Any]:
    if spec.accepts is not None:
        return spec.accepts.json_schema
    # All keys are optional: the agent's own input holds a value for each.
    return {
        "type": "object",
        "properties": {key: _property(value) for key, value in spec.input.items()},
        "additionalProperties": True,
    }


def _property(value: Any) -> dict[str, Any]:
    kind = _JSON_TYPES.get(cast("type[Any]", type(value)))
    return {"type": kind} if kind else {}
