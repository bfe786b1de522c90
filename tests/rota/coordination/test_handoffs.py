"""Handoffs as a table: what a tool's name means, what is refused, where a child belongs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.coordination.handoffs import (
    CallTerms,
    Handoff,
    child_lineage,
    failure_text,
    handoff_of,
    handoff_schema,
    refusal,
)
from rota.coordination.lineage import DEEPEST, EVENT_DEPTH, Lineage
from rota.coordination.spec import HandoffTarget
from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.turns.calls import HandoffMode

DEADLINE = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
ABOVE = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


def lineage(*agents: str, **fields: Any) -> Lineage:
    """The place of a run below `agents`."""
    depth = max(1, len(agents))
    place = {"root": "root-1", "parent": "parent-1", "depth": depth, "agents": agents}
    return Lineage.model_validate({**place, **fields})


@pytest.mark.parametrize(
    ("tool", "handoff"),
    [
        ("agents.settlement", Handoff("settlement", HandoffMode.CALL)),
        ("agents.settlement.transfer", Handoff("settlement", HandoffMode.TRANSFER)),
        ("agents.transfer", Handoff("transfer", HandoffMode.CALL)),
        ("agents.transfer.transfer", Handoff("transfer", HandoffMode.TRANSFER)),
        ("agents.a-b2", Handoff("a-b2", HandoffMode.CALL)),
        ("agents.", None),
        ("agents", None),
        ("agents.Settlement", None),
        ("agents.settlement.call", None),
        ("agents.settlement.transfer.transfer", None),
        ("my.agents.settlement", None),
        ("ledger.post", None),
    ],
)
def test_handoff_of_a_tools_name_reads_agent_and_mode(tool: str, handoff: Handoff | None) -> None:
    """Only `agents.<name>` and `agents.<name>.transfer` hand work on."""
    assert handoff_of(tool) == handoff


@given(NAMES)
def test_handoff_of_any_agents_name_is_unambiguous(name: str) -> None:
    """However an agent is called, calling it and transferring to it stay apart."""
    assert handoff_of(f"agents.{name}") == Handoff(name, HandoffMode.CALL)
    assert handoff_of(f"agents.{name}.transfer") == Handoff(name, HandoffMode.TRANSFER)


def test_handoff_schema_shows_what_the_target_says_of_itself() -> None:
    """The model reads the agent's description and the schema of its input."""
    parameters = {"type": "object", "required": ["account"]}
    target = HandoffTarget(description="Settles an account.", parameters=parameters)
    schema = handoff_schema("agents.s", Handoff("s", HandoffMode.CALL), target)
    assert (schema.name, schema.parameters) == ("agents.s", parameters)
    assert schema.description.endswith("get its result. Settles an account.")
    over = handoff_schema("agents.s.transfer", Handoff("s", HandoffMode.TRANSFER), target)
    assert "will not see its result. Settles an account." in over.description


def test_handoff_schema_of_an_agent_nobody_described_takes_any_object() -> None:
    """A tool can always be shown."""
    schema = handoff_schema("agents.s", Handoff("s", HandoffMode.CALL), None)
    assert schema.parameters == {"type": "object"}
    assert "'s'" in schema.description


@pytest.mark.parametrize(
    ("target", "caller", "place", "words"),
    [
        ("b", "a", None, None),
        ("c", "b", lineage("a"), None),
        ("a", "a", None, "itself"),
        ("b", "b", lineage("a"), "itself"),
        ("a", "b", lineage("a"), "cycle (a -> b -> a)"),
        ("b", "c", lineage("a", "b"), "cycle (b -> c -> b)"),
        ("x", "y", lineage(*"abcd"), None),
        ("x", "y", lineage(*"abcde"), f"goes deeper than {DEEPEST}"),
        ("x", "y", lineage("a", depth=EVENT_DEPTH), None),
    ],
)
def test_refusal_of_self_cycles_and_depth(
    target: str, caller: str, place: Lineage | None, words: str | None
) -> None:
    """A handoff that could never end is refused with the reason; any other is not."""
    reason = refusal(target, caller, place)
    if words is None:
        assert reason is None
    else:
        assert reason is not None
        assert reason.startswith(f"agents.{target}: ")
        assert words in reason


@given(st.lists(NAMES, min_size=1, max_size=30))
def test_refusal_ends_every_chain_of_handoffs(targets: list[str]) -> None:
    """Whatever agents call, no chain repeats one of them or grows beyond the limit."""
    caller, place = "start", None
    chain = [caller]
    for target in targets:
        if refusal(target, caller, place) is not None:
            continue
        place = child_lineage(
            caller,
            f"run-{len(chain)}",
            place,
            CallTerms(),
            mode=HandoffMode.CALL,
            occasion="key",
        )
        caller = target
        chain.append(target)
    assert len(set(chain)) == len(chain)
    assert len(chain) - 1 <= DEEPEST


def test_child_lineage_of_a_root_begins_a_tree() -> None:
    """The caller is root and parent, and the child is for the call, not for the slot."""
    terms = CallTerms(deadline=DEADLINE)
    child = child_lineage("a", "a-1", None, terms, mode=HandoffMode.CALL, occasion="key")
    assert child == Lineage(
        root="a-1", parent="a-1", depth=1, agents=("a",), occasion="key", deadline=DEADLINE
    )


@pytest.mark.parametrize(
    ("mode", "deadline"), [(HandoffMode.CALL, DEADLINE), (HandoffMode.TRANSFER, ABOVE)]
)
def test_child_lineage_below_another_grows_by_one(mode: HandoffMode, deadline: datetime) -> None:
    """Root and pipeline stay; a run that takes over is bound from further above alone."""
    place = lineage("a", pipeline="p", node="n", occasion="other", deadline=ABOVE)
    terms = CallTerms(deadline=DEADLINE)
    child = child_lineage("b", "b-1", place, terms, mode=mode, occasion="key")
    assert child == Lineage(
        root="root-1",
        parent="b-1",
        depth=2,
        agents=("a", "b"),
        pipeline="p",
        node="n",
        occasion="key",
        deadline=deadline,
    )
    assert (place.cause, child.cause) == ("started by parent-1", "started by b-1")


def test_lineage_of_a_node_names_it_and_that_of_a_call_below_does_not() -> None:
    """People read which node a pipeline started; what an agent started, that run names."""
    node = lineage(pipeline="p", node="n")
    called = child_lineage(
        "a", "parent-1/n", node, CallTerms(), mode=HandoffMode.CALL, occasion="key"
    )
    assert node.cause == "node n of parent-1"
    assert called.cause == "started by parent-1/n"


def ended(status: RunStatus, **fields: Any) -> AgentRunResult:
    """How a called run closed."""
    return AgentRunResult(agent="s", run_id="s-1", status=status, trigger=Trigger.HANDOFF, **fields)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ended(RunStatus.SUCCEEDED), None),
        (ended(RunStatus.SKIPPED, output_digest="d", reason="already done"), None),
        (ended(RunStatus.SKIPPED, reason="busy"), "agents.s was skipped: busy"),
        (
            ended(RunStatus.FAILED, category=FailureCategory.OUTCOME_INVALID, reason="no total"),
            "agents.s failed (outcome_invalid): no total",
        ),
        (
            ended(RunStatus.FAILED, category=FailureCategory.BUG, reason="?", output_digest="d"),
            "agents.s failed (bug): ?",
        ),
        (
            ended(RunStatus.BLOCKED, category=FailureCategory.AUTH, reason="no key"),
            "agents.s is blocked (auth): no key",
        ),
        (
            ended(RunStatus.TIMED_OUT, category=FailureCategory.LIMIT_REACHED, reason="late"),
            "agents.s timed out (limit_reached): late",
        ),
    ],
)
def test_failure_text_of_every_end_is_never_success(
    result: AgentRunResult, text: str | None
) -> None:
    """The model learns how a call ended; only a result counts as one."""
    assert failure_text("s", result) == text
