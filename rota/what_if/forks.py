"""Forks: a run that goes on from a turn of another run's transcript, every effect asked for. Pure.

Its id, its slot in the ledger and its money are its own. What it is for is what the other run
was for: the same call has the same key, so a receipt of the other run answers it.
"""

from typing import Any

from pydantic import Field

from rota.agent_spec import AgentSpec, Continuing
from rota.approvals.spec import ALWAYS, ApprovalRule, rule_for
from rota.conversation import Message, Text
from rota.model import Record
from rota.tools import Effect, ToolDefinition
from rota.turns.transcript import RunContext

RULE = "fork"
"""In place of the key of `approvals`, where no declared rule names the tool."""


class ForkBegin(Record):
    """What a fork begins with; stored once, named by digest in its lineage."""

    context: str
    """Digest of the other run's `RunContext`."""
    spec: str
    """Digest of the declaration that the fork works with."""
    head: str | None = None
    """The last node of the transcript that it keeps; None: it begins at the beginning."""
    opens: bool = False
    """It keeps no turn: the model is told what every run is told first."""
    told: Message | None = None
    """What the model is told first otherwise: the results of the calls of the last turn."""
    say: str = ""
    """What people tell it besides."""
    contexts: tuple[str, ...] = ()
    """Of the turns that it keeps, those of a fork's own origin included: their calls count when
    its calls are numbered."""
    turns: int = 0
    """How many turns it keeps."""
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The other run's, with what was changed laid over it."""


def fork_spec(spec: AgentSpec) -> AgentSpec:
    """The declaration of a fork of a run that was given `spec`.

    What it needed is in its input already; it publishes nothing, joins no other run, and leaves
    the session's conversation as it is.
    """
    session = spec.session.model_copy(update={"continuing": Continuing.NEW})
    return spec.model_copy(
        update={
            "needs": (),
            "on": (),
            "emits": (),
            "dedupe": None,
            "schedule": None,
            "accepts": None,
            "session": session,
        }
    )


def first_messages(opening: Message, begin: ForkBegin | None) -> tuple[Message, ...]:
    """What the model is told at the first turn of a run.

    Args:
        opening: What every run is told first.
        begin: What the run begins with, if it is a fork.
    """
    if begin is None:
        return (opening,)
    blocks = opening.content if begin.opens else begin.told.content if begin.told else ()
    words = (Text(text=begin.say),) if begin.say else ()
    # None where a provider had only paused: the conversation is sent again as it is.
    return (Message(role="user", content=(*blocks, *words)),) if blocks or words else ()


def fork_context(own: RunContext, origin: RunContext, begin: ForkBegin) -> RunContext:
    """The context of a fork: in its own name, and for what the other run was for."""
    return own.model_copy(
        update={
            "input": begin.input,
            # Quoted or not, as it was: both are to begin with the same words.
            "foreign_input": origin.foreign_input,
            "memory": origin.memory,
            "baseline": origin.baseline,
            "conversation": begin.head or origin.conversation,
            "covers": origin.covers,
            "slot": origin.slot,
            # The keys of its calls derive from it, too.
            "session": origin.session,
        }
    )


def approval_rule(
    spec: AgentSpec, context: RunContext, tool: ToolDefinition | None, name: str
) -> tuple[str, ApprovalRule] | None:
    """The rule that counts for a call, with its key; None if no person is asked.

    In a fork everything but a read is asked for, whatever is declared.

    Args:
        spec: The agent's.
        context: The run's.
        tool: None for a call of another agent.
        name: The tool's.
    """
    found = rule_for(spec.approvals, name)
    reads = tool is not None and tool.effect is Effect.READ
    if not context.is_fork or reads:
        return found
    key, rule = found or (RULE, ApprovalRule())
    return key, rule.model_copy(update={"when": ALWAYS})
