"""What is wrong with an agent's `approvals`: rules for tools, or over arguments, that are not.

No I/O. That a rule can be read at all is its model's business; here it is held against the tools
that the agent has. A rule without a tool is an error: somebody relies on it.
"""

from collections.abc import Iterator
from typing import Any, cast

from activities.runtimes.kinds import runtime_kind
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.approvals.spec import (
    ALWAYS,
    NEVER,
    ApprovalRule,
    Undecided,
    matches,
    rule_for,
)
from rota.coordination.handoffs import handoff_of, handoff_schema
from rota.language.conditions import condition_paths
from rota.runtimes.kind import Shape
from rota.tools import Effect
from schedules.explain import suggest
from schedules.remarks import Remark


def approval_remarks(spec: AgentSpec, toolbox: Toolbox) -> Iterator[Remark]:
    """Yield what is doubtful in each rule, in the order in which they are written."""
    for key, rule in spec.approvals.items():
        named = [tool for tool in spec.tools if matches(key, tool)]
        if not named:
            yield from _without_tool(spec, key)
        ruled = [
            tool for tool in named if (found := rule_for(spec.approvals, tool)) and found[0] == key
        ]
        if named and not ruled:
            message = "rules for more exact names decide about each of its tools; remove it"
            yield Remark("warning", ("approvals", key), message)
        if rule.otherwise is Undecided.APPROVE_IF_READ_ONLY and rule.when != NEVER:
            yield from _never_read_only(key, ruled, toolbox)
        for tool in ruled:
            yield from _unknown_arguments(spec, key, rule, tool, toolbox)


def _without_tool(spec: AgentSpec, key: str) -> Iterator[Remark]:
    kind = runtime_kind(spec.runtime.kind)
    settings = kind.settings.model_validate(spec.runtime.settings)
    may_ask = kind.shape is Shape.SESSION and kind.promises(settings).persons
    # Where a kind's settings answer its provider's questions, nobody else is asked.
    answered = getattr(settings, "confirm", "ask")
    if may_ask and answered != "ask":
        message = (
            f"none of this agent's tools, and runtime.confirm ({answered}) answers what "
            f"'{kind.kind}' asks; write confirm: ask for this rule to count"
        )
        yield Remark("error", ("approvals", key), message)
        return
    if may_ask:
        message = (
            f"none of this agent's tools; it counts if '{kind.kind}' asks whether it may use a "
            "tool of its own by that name"
        )
        yield Remark("note", ("approvals", key), message)
        return
    hint = suggest(key, spec.tools)
    message = f"this agent has no tool '{key}', so nothing is asked; {hint}"
    yield Remark("error", ("approvals", key), message)


def _never_read_only(key: str, tools: list[str], toolbox: Toolbox) -> Iterator[Remark]:
    known = {tool: _effect(tool, toolbox) for tool in tools}
    acting = [tool for tool, effect in known.items() if effect not in (None, Effect.READ)]
    if acting:
        message = f"{', '.join(acting)} does not only read, so it is denied when nobody decides"
        yield Remark("warning", ("approvals", key, "otherwise"), message)


def _effect(tool: str, toolbox: Toolbox) -> Effect | None:
    """What a tool does; None of one that only a server knows."""
    if handoff_of(tool) is not None:
        return Effect.IDEMPOTENT
    definition = toolbox.get(tool, (tool,))
    return definition.effect if definition else None


def _unknown_arguments(
    spec: AgentSpec, key: str, rule: ApprovalRule, tool: str, toolbox: Toolbox
) -> Iterator[Remark]:
    if rule.when in (ALWAYS, NEVER):
        return
    known = _arguments(spec, tool, toolbox)
    if known is None:
        return
    for path in sorted(condition_paths(rule.when)):
        steps = path.split(".")
        if len(steps) > 1 and steps[1] not in known:
            message = (
                f"{tool} has no argument '{steps[1]}', so every call would be asked about; "
                f"{suggest(steps[1], known)}"
            )
            yield Remark("error", ("approvals", key, "when"), message)


def _arguments(spec: AgentSpec, tool: str, toolbox: Toolbox) -> list[str] | None:
    """Names of a tool's arguments; None if it takes any, or only a server knows."""
    handoff = handoff_of(tool)
    if handoff is not None:
        parameters = handoff_schema(tool, handoff, spec.handoffs.get(handoff.agent)).parameters
    else:
        definition = toolbox.get(tool, (tool,))
        parameters = definition.schema.parameters if definition else {}
    if parameters.get("additionalProperties") is not False:
        return None
    return list(cast("dict[str, Any]", parameters.get("properties") or {}))
