"""Agents as tools: `agents.<name>` calls one, `agents.<name>.transfer` hands the work over.

Pure: what such a tool is called, how a model is told of it, when a call is refused, and
where the run that a call starts belongs. The run kit starts that run as a child.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from rota.budgets.reservations import Cap
from rota.conversation import ToolSchema
from rota.coordination.lineage import DEEPEST, Lineage
from rota.coordination.spec import HandoffTarget
from rota.ids import parse_slot
from rota.language.names import NAME_PATTERN
from rota.model import Record, is_false
from rota.runs import AgentRunInput, AgentRunResult, Instant, RunStatus, Trigger
from rota.turns.calls import HandoffMode
from rota.turns.transcript import RunContext

_TOOL = re.compile(rf"agents\.(?P<agent>{NAME_PATTERN.strip('^$')})(?P<transfer>\.transfer)?")


@dataclass(frozen=True)
class Handoff:
    """What the name of a tool says, if it names an agent."""

    agent: str
    mode: HandoffMode


class CallTerms(Record):
    """What a caller passes on to the run that it calls, beside the work itself."""

    deadline: Instant | None = None
    """The caller's."""
    allowance: Cap | None = None
    """What the run may spend with all below it, of what the caller has left."""
    began: Instant | None = None
    """When the work began that the caller is part of."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """What the run is given may hold the words of people outside the team."""


def handoff_of(tool: str) -> Handoff | None:
    """Read a tool's name; None unless it names an agent. Names of agents have no dots."""
    match = _TOOL.fullmatch(tool)
    if match is None:
        return None
    mode = HandoffMode.TRANSFER if match["transfer"] else HandoffMode.CALL
    return Handoff(match["agent"], mode)


def handoff_schema(tool: str, handoff: Handoff, target: HandoffTarget | None) -> ToolSchema:
    """The tool as a model sees it; `target` is None for an agent that nothing is known of."""
    target = target or HandoffTarget()
    if handoff.mode is HandoffMode.CALL:
        does = f"Have the agent '{handoff.agent}' do a piece of work, and get its result."
    else:
        does = (
            f"Hand your work over to the agent '{handoff.agent}' and end: it goes on in your "
            "place, and you will not see its result."
        )
    return ToolSchema(
        name=tool,
        description=f"{does} {target.description}".strip(),
        parameters={"type": "object", **target.parameters},
    )


def refusal(target: str, caller: str, lineage: Lineage | None) -> str | None:
    """Why `caller` must not hand work to `target`; None if it may."""
    if target == caller:
        return f"agents.{target}: an agent cannot hand work to itself; do it yourself"
    above = lineage.agents if lineage else ()
    if target in above:
        path = " -> ".join((*above[above.index(target) :], caller, target))
        return (
            f"agents.{target}: '{target}' waits for this run, so this would be a cycle ({path}); "
            "answer it instead"
        )
    # Not its depth: nodes and events on the way down are no handoffs.
    if len(above) >= DEEPEST:
        return (
            f"agents.{target}: this run is {len(above)} handoffs below the first, and no handoff "
            f"goes deeper than {DEEPEST}; finish the work here"
        )
    return None


def called_run(
    agent: str,
    given: dict[str, Any],
    *,
    caller: str,
    context: RunContext,
    terms: CallTerms,
    mode: HandoffMode,
    occasion: str,
) -> AgentRunInput:
    """The run that a call asks for: for its caller's slot, and for whoever asked for that.

    Args:
        agent: Who is called.
        given: What it is to work on.
        caller: The calling agent.
        context: Of its run.
        terms: What that passes on.
        mode: Whether the caller waits for the result.
        occasion: The call's idempotency key, so that a re-run of the caller repeats no effect
            of the called agent either.
    """
    return AgentRunInput(
        agent=agent,
        input=given,
        slot=parse_slot(context.slot) if context.slot else None,
        trigger=Trigger.HANDOFF,
        lineage=child_lineage(
            caller, context.run_id, context.lineage, terms, mode=mode, occasion=occasion
        ),
        by=context.requester,
    )


def child_lineage(
    caller: str,
    run_id: str,
    lineage: Lineage | None,
    terms: CallTerms,
    *,
    mode: HandoffMode,
    occasion: str,
) -> Lineage:
    """Where the run that a call starts belongs.

    Args:
        caller: The calling agent.
        run_id: Workflow id of its run.
        lineage: The caller's own place; None for a root.
        terms: What the caller passes on.
        mode: A run that takes over is not bound by the limit of the one it replaces, only by
            one from further above.
        occasion: The call's idempotency key.
    """
    from_above = lineage.deadline if lineage else None
    return Lineage(
        root=lineage.root if lineage else run_id,
        parent=run_id,
        depth=(lineage.depth if lineage else 0) + 1,
        agents=(*(lineage.agents if lineage else ()), caller),
        pipeline=lineage.pipeline if lineage else "",
        node=lineage.node if lineage else "",
        occasion=occasion,
        deadline=terms.deadline if mode is HandoffMode.CALL else from_above,
        allowance=terms.allowance,
        began=terms.began,
        tainted=terms.tainted,
    )


_ENDS: dict[RunStatus, str] = {
    RunStatus.BLOCKED: "is blocked",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.SKIPPED: "was skipped",
    RunStatus.TIMED_OUT: "timed out",
}


def failure_text(agent: str, result: AgentRunResult) -> str | None:
    """What the caller's model is told of a run without a result; None if it has one.

    A skipped run has one if another run did its work before (`dedupe`).
    """
    if result.status is RunStatus.SUCCEEDED:
        return None
    if result.status is RunStatus.SKIPPED and result.output_digest is not None:
        return None
    category = f" ({result.category.value})" if result.category else ""
    return f"agents.{agent} {_ENDS.get(result.status, 'failed')}{category}: {result.reason}"
