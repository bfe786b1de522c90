"""Graders that are not there, cannot grade, or judge in circles, are told at the check."""

from pathlib import Path

import pytest

from tests.schedules.fleet_folder import AGENT, findings, write

JUDGES = (
    "output: {schema: {properties: {verdict: {enum: [pass, fail]}, reason: {}}, "
    "required: [verdict, reason]}}"
)
SCORES = "output: {schema: {properties: {score: {type: number}}, required: [score]}}"
CAREFUL = "checks: {careful: {agent: b}}"
SCORED = "checks: {careful: {agent: b, min_score: 0.5}}"


def agent(name: str, *lines: str) -> str:
    """An agent with more lines."""
    return AGENT.replace("name: x", f"name: {name}") + "".join(f"{line}\n" for line in lines)


AT = "agents/x.yaml:3: error: checks.careful.agent: "
NO_VERDICT = "'b' cannot grade: {}a grader's output.schema requires 'verdict' (enum: pass, fail) {}"


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ([agent("a", CAREFUL), agent("b", JUDGES)], ""),
        ([agent("a", SCORED), agent("b", SCORES)], ""),
        ([agent("a", CAREFUL), agent("bb", JUDGES)], "no agent 'b' in this fleet; did you mean"),
        (
            [agent("a", CAREFUL), agent("b")],
            NO_VERDICT.format("it declares none; ", "and 'reason'"),
        ),
        ([agent("a", CAREFUL), agent("b", SCORES)], NO_VERDICT.format("", "and 'reason'")),
        (
            [agent("a", SCORED), agent("b", JUDGES)],
            "'b' cannot grade: a grader's output.schema req",
        ),
        (
            [agent("a", CAREFUL), agent("b", JUDGES, "session: {concurrency: skip}")],
            "'b' cannot grade: session.concurrency: skip leaves out results",
        ),
        ([agent("a", CAREFUL), agent("b", JUDGES, "session: {concurrency: parallel}")], ""),
        ([agent("b", CAREFUL, JUDGES)], "'b' grades itself; name another agent"),
        (
            [agent("a", CAREFUL, JUDGES), agent("b", JUDGES, "checks: {c: {agent: a}}")],
            "agents grade one another in a circle: a → b → a; remove one check",
        ),
        (
            [agent("a", CAREFUL, "locks: [ledger]"), agent("b", JUDGES, "locks: [ledger]")],
            "'a' holds the lock 'ledger' while it waits for 'b', which wants it too; ",
        ),
    ],
)
def test_grader_that_cannot_judge_is_told_at_its_check(
    tmp_path: Path, documents: list[str], told: str
) -> None:
    """Once, with what to do; a grader that fits is not remarked upon."""
    write(tmp_path, "agents/x.yaml", "---\n".join(documents))
    found = findings(tmp_path)
    assert len(found) == (1 if told else 0), found
    assert all(line.startswith(AT + told) for line in found), found


def test_pipeline_cannot_grade(tmp_path: Path) -> None:
    """Its result is no verdict."""
    night = "kind: Pipeline\nname: b\nnodes:\n  one: {agent: c}\n"
    write(tmp_path, "agents/x.yaml", "---\n".join([agent("a", CAREFUL), night, agent("c")]))
    assert findings(tmp_path) == [f"{AT}'b' is a pipeline; only an agent grades"]


def test_grader_with_a_key_is_refused(tmp_path: Path) -> None:
    """A result whose key it has judged already it would not judge."""
    judge = agent("b", JUDGES, 'dedupe: "{input.run}"')
    write(tmp_path, "agents/x.yaml", "---\n".join([agent("a", CAREFUL), judge]))
    (found,) = (line for line in findings(tmp_path) if ": error: " in line)
    assert found.startswith(AT + "'b' cannot grade: dedupe leaves out results"), found
