"""Agents and pipelines that do not fit together: each misfit is one line with place and cure."""

from pathlib import Path

import pytest

from tests.schedules.fleet_folder import AGENT, findings, write


def _agent(name: str, *lines: str) -> str:
    return AGENT.replace("name: x", f"name: {name}") + "".join(f"{line}\n" for line in lines)


def _fleet(*documents: str) -> str:
    return "---\n".join(documents)


HOURLY = 'schedule: {cron: "0 * * * *"}'
NIGHT = 'kind: Pipeline\nname: night\nschedule: {cron: "0 5 * * *"}\nnodes:\n'

MISFITS: list[tuple[str, str, list[str]]] = [
    (
        "unknown upstream",
        _fleet(_agent("a", "needs: [{agent: bo}]"), _agent("bob", HOURLY)),
        [
            "agents/x.yaml:3: error: needs[0].agent: no agent 'bo' in this fleet; "
            "did you mean 'bob'?"
        ],
    ),
    (
        "needed twice",
        _fleet(_agent("a", "needs: [{agent: b}, {agent: b}]"), _agent("b", HOURLY)),
        [
            "agents/x.yaml:3: error: needs[1].agent: 'b' is needed in needs[0] already; join both",
        ],
    ),
    (
        "upstream that nothing starts",
        _fleet(_agent("a", "needs: [{agent: b}]"), _agent("b")),
        [
            "agents/x.yaml:3: warning: needs[0].agent: 'b' has no schedule, and nothing in this "
            "fleet starts it: unless somebody does within the window, this need is never met"
        ],
    ),
    (
        "re-run of an upstream that events start",
        _fleet(
            _agent("a", HOURLY, "needs: [{agent: b, on_failure: {rerun: 2}}]", "emits: [x]"),
            _agent("b", "on: [{event: x}]"),
        ),
        [
            "agents/x.yaml:4: warning: needs[0].on_failure.rerun: 'b' has no schedule: a run that "
            "was given its input by an event, a person or another run is not run again, for that "
            "input is not kept"
        ],
    ),
    (
        "needs itself",
        _agent("a", HOURLY, "needs: [{agent: a}]"),
        ["agents/x.yaml:4: error: needs[0].agent: 'a' needs itself; name another agent"],
    ),
    (
        "needs in a circle",
        _fleet(
            _agent("a", HOURLY, "needs: [{agent: b}]"),
            _agent("b", HOURLY, "needs: [{agent: c}]"),
            _agent("c", HOURLY, "needs: [{agent: a}]"),
        ),
        [
            "agents/x.yaml:4: error: needs[0].agent: agents need one another in a circle: "
            "a → b → c → a; remove one need"
        ],
    ),
    (
        "needs the pipeline that runs it",
        _fleet(_agent("a", "needs: [{agent: night}]"), NIGHT + "  one: {agent: a}\n"),
        [
            "agents/x.yaml:3: error: needs[0].agent: agents need one another in a circle: "
            "a → night → a; remove one need"
        ],
    ),
    (
        "node of an unknown agent",
        _fleet(_agent("report"), NIGHT + "  one: {agent: reprot}\n"),
        [
            "agents/x.yaml:8: error: nodes.one.agent: no agent 'reprot' in this fleet; "
            "did you mean 'report'?"
        ],
    ),
    (
        "node of a pipeline",
        _fleet(_agent("report"), NIGHT + "  one: {agent: night}\n"),
        ["agents/x.yaml:8: error: nodes.one.agent: 'night' is a pipeline; a node runs an agent"],
    ),
    (
        "calls itself",
        _agent("a", "tools: [agents.a]"),
        ["agents/x.yaml:3: error: tools[0]: 'a' calls itself; remove it from its own tools"],
    ),
    (
        "calls in a circle, one of them a transfer",
        _fleet(
            _agent("a", "tools: [clock.now, agents.b]"),
            _agent("b", "tools: [agents.a.transfer]"),
        ),
        [
            "agents/x.yaml:3: error: tools[1]: agents call one another in a circle: a → b → a; "
            "remove one from the tools"
        ],
    ),
    (
        "lock held while the called wants it",
        _fleet(
            _agent("a", "tools: [agents.b]", "locks: [ledger]"),
            _agent("b", "tools: [agents.c]"),
            _agent("c", "locks: [bank, ledger]"),
        ),
        [
            "agents/x.yaml:3: error: tools[0]: 'a' holds the lock 'ledger' while it waits for 'c' "
            "(through 'b'), which wants it too; take the lock from one of them, or transfer "
            "instead"
        ],
    ),
    (
        "event with a typing error",
        _fleet(_agent("a", "emits: [bank.closed]"), _agent("b", "on: [{event: bank.close}]")),
        [
            "agents/x.yaml:7: warning: on[0].event: nobody in this fleet emits 'bank.close'; "
            "did you mean 'bank.closed'?"
        ],
    ),
    (
        "event from outside",
        _agent("b", "on: [{event: git.pushed}]"),
        [
            "agents/x.yaml:3: note: on[0].event: nobody in this fleet emits 'git.pushed': "
            "somebody else has to publish it"
        ],
    ),
    (
        "events in a circle",
        _fleet(
            _agent("a", "emits: [x.done]", "on: [{event: y.done}]"),
            _agent("b", "emits: [y.done]", "on: [{event: x.done}]"),
        ),
        [
            "agents/x.yaml:3: warning: emits[0]: its runs start one another: "
            "a → x.done → b → y.done → a; make sure that a filter ends this"
        ],
    ),
    (
        "events in a circle through a pipeline",
        _fleet(
            _agent("a", "emits: [x.done]"),
            "kind: Pipeline\nname: p\non: [{event: x.done}]\nnodes:\n  one: {agent: a}\n",
        ),
        [
            "agents/x.yaml:3: warning: emits[0]: its runs start one another: "
            "a → x.done → p → a; make sure that a filter ends this"
        ],
    ),
]

SOUND: list[tuple[str, str]] = [
    ("need of a scheduled agent", _fleet(_agent("a", "needs: [{agent: b}]"), _agent("b", HOURLY))),
    (
        "need of an agent that an event starts",
        _fleet(
            _agent("a", "needs: [{agent: b}]", "emits: [x.done]"),
            _agent("b", "on: [{event: x.done}]"),
        ),
    ),
    (
        "need of a pipeline",
        _fleet(_agent("a", "needs: [{agent: night}]"), _agent("b"), NIGHT + "  one: {agent: b}\n"),
    ),
    (
        "lock given away by a transfer",
        _fleet(
            _agent("a", "tools: [agents.b.transfer]", "locks: [ledger]"),
            _agent("b", "locks: [ledger]"),
        ),
    ),
    (
        "one agent called by two",
        _fleet(
            _agent("a", "tools: [agents.b, agents.c]"),
            _agent("b", "tools: [agents.c]"),
            _agent("c"),
        ),
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [m[1:] for m in MISFITS], ids=[m[0] for m in MISFITS]
)
def test_lint_of_a_fleet_that_does_not_fit_together_names_place_and_cure(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """Each misfit is said once, at the key that has to change."""
    write(tmp_path, "agents/x.yaml", text)
    assert findings(tmp_path) == expected


@pytest.mark.parametrize("text", [s[1] for s in SOUND], ids=[s[0] for s in SOUND])
def test_lint_of_a_fleet_that_fits_together_is_silent(tmp_path: Path, text: str) -> None:
    """What works is not remarked upon."""
    write(tmp_path, "agents/x.yaml", text)
    assert findings(tmp_path) == []
