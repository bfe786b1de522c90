"""Forks, as tables: who is asked for what, and what a fork's declaration leaves out."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec, Continuing
from rota.conversation import Message, Text, ToolResult
from rota.coordination.lineage import Fork, Lineage
from rota.pinned_spec import PinnedSpec
from rota.tools import Effect, ToolDefinition, tool
from rota.turns.transcript import RunContext
from rota.what_if.forks import (
    RULE,
    ForkBegin,
    approval_rule,
    first_messages,
    fork_context,
    fork_spec,
)

FORK = Lineage(root="a", parent="a", fork=Fork(run_id="a", turn=2, begin="0" * 64), occasion="o")


def agent(**more: Any) -> AgentSpec:
    """A declaration."""
    runtime = {"kind": "scripted", "turns": [{"result": 1}]}
    return AgentSpec.model_validate({"name": "clerk", "runtime": runtime, **more})


def context(lineage: Lineage | None = FORK, **more: Any) -> RunContext:
    """The context of a run."""
    spec = PinnedSpec.of(agent())
    return RunContext.model_validate(
        {"run_id": "r", "run_key": "k", "spec": spec, "lineage": lineage, **more}
    )


def a_tool(effect: Effect) -> ToolDefinition:
    """A tool with that effect."""

    @tool(name="t", effect=effect)
    def does() -> str:
        """Do it."""
        return ""

    return does


NEVER = {"approvals": {"t": "never"}}
FOUR_EYES = {"approvals": {"t": {"when": "args.a > 1", "four_eyes": True}}}


@pytest.mark.parametrize(
    ("lineage", "effect", "declared", "asked"),
    [
        (None, Effect.WRITE, {}, None),
        (None, Effect.WRITE, NEVER, ("t", "never", False)),
        (FORK, Effect.READ, {}, None),
        (FORK, Effect.READ, NEVER, ("t", "never", False)),
        (FORK, Effect.IDEMPOTENT, {}, (RULE, "always", False)),
        (FORK, Effect.WRITE, NEVER, ("t", "always", False)),
        # What else the rule says still holds.
        (FORK, Effect.WRITE, FOUR_EYES, ("t", "always", True)),
        # Another agent.
        (FORK, None, {}, (RULE, "always", False)),
    ],
)
def test_fork_asks_for_everything_but_reads(
    lineage: Lineage | None, effect: Effect | None, declared: dict[str, Any], asked: Any
) -> None:
    """Whatever is declared; a run that is no fork is asked as declared."""
    tool = a_tool(effect) if effect else None
    found = approval_rule(agent(**declared), context(lineage), tool, "t")
    assert (found and (found[0], found[1].when, found[1].four_eyes)) == asked


def test_declaration_of_a_fork_starts_and_joins_nothing() -> None:
    """No events, no needs, no key, no schedule; the conversation stays the session's."""
    spec = fork_spec(
        agent(
            needs=[{"agent": "other"}],
            on=[{"event": "a.b"}],
            emits=["c.d"],
            dedupe="{input.x}",
            session={"continue": "same"},
            locks=["books"],
        )
    )
    pinned = PinnedSpec.of(spec)
    assert (pinned.needs, pinned.emits, pinned.dedupe_key, pinned.schedule_id) == (
        (),
        (),
        None,
        None,
    )
    assert spec.session.continuing is Continuing.NEW
    assert [lock.name for lock in pinned.locks] == ["books"]
    assert AgentSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec


def test_context_of_a_fork_is_for_what_the_other_run_was_for() -> None:
    """The same slot, session, memory and occasion, so the same calls have the same keys."""
    origin = context(None, slot="2026-11-22T06:00:00Z", session="s", memory="m", input={"a": 1})
    own = context(FORK.model_copy(update={"occasion": origin.occasion}), session="x", memory="n")
    begin = ForkBegin(context="c", spec="s", head="h", input={"a": 2})
    forked = fork_context(own, origin, begin)
    assert (forked.run_id, forked.run_key, forked.lineage) == ("r", "k", own.lineage)
    assert (forked.occasion, forked.session, forked.memory) == (origin.occasion, "s", "m")
    assert (forked.conversation, forked.input) == ("h", {"a": 2})


@pytest.mark.parametrize("foreign", [False, True])
def test_fork_is_told_its_input_as_the_other_run_was(foreign: bool) -> None:
    """Quoted or not: what the other run has read later is no part of what both began with."""
    own = context(foreign_input=not foreign)
    begin = ForkBegin(context="c", spec="s", input={})
    assert fork_context(own, context(None, foreign_input=foreign), begin).foreign_input is foreign


OPENING = Message(role="user", content=(Text(text="opening"),))
RESULTS = Message(role="user", content=(ToolResult(call_id="c", content="result"),))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, ["opening"]),
        ({"opens": True}, ["opening"]),
        ({"opens": True, "say": "mind"}, ["opening", "mind"]),
        ({"told": RESULTS}, ["result"]),
        ({"told": RESULTS, "say": "mind"}, ["result", "mind"]),
        ({"say": "mind"}, ["mind"]),
        # Its provider had only paused.
        ({}, []),
    ],
)
def test_fork_is_told_results_and_what_people_add(
    given: dict[str, Any] | None, told: list[str]
) -> None:
    """One message, or none; a run that is no fork is told what every run is."""
    begin = None if given is None else ForkBegin(context="c", spec="s", **given)
    messages = first_messages(OPENING, begin)
    blocks = [block for message in messages for block in message.content]
    shown = [block.text if isinstance(block, Text) else block.content for block in blocks]  # pyright: ignore[reportAttributeAccessIssue]
    assert (shown, len(messages)) == (told, 1 if told else 0)
