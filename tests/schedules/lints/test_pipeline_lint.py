"""Pipelines whose nodes make no graph that can run."""

from pathlib import Path

import pytest

from tests.schedules.pipeline_folder import ONE, lint_pipeline, nodes

WRONG: list[tuple[str, str, list[str]]] = [
    (
        "reserved name",
        nodes("input: {agent: free}"),
        ["5: error: nodes.input: 'input' means something else in templates; rename the node"],
    ),
    (
        "after nothing known",
        nodes(ONE, "b: {agent: free, after: [rr]}"),
        ["6: error: nodes.b.after: no node 'rr'; did you mean 'r'?"],
    ),
    (
        "after itself",
        nodes("b: {agent: free, after: b}"),
        ["5: error: nodes.b.after: 'b' waits for itself; name another node, or none"],
    ),
    (
        "its own remedy",
        nodes("b: {agent: free, on_failure: {run: b}}"),
        ["5: error: nodes.b.on_failure.run: 'b' is its own remedy; name another node, or none"],
    ),
    (
        "unknown remedy",
        nodes("alarm: {agent: free}", "b: {agent: free, on_failure: {run: alrm}}"),
        ["6: error: nodes.b.on_failure.run: no node 'alrm'; did you mean 'alarm'?"],
    ),
    (
        "circle",
        nodes(
            "a: {agent: free, after: c}",
            "b: {agent: free, after: a}",
            "c: {agent: free, after: b}",
        ),
        [
            "5: error: nodes.a.after: nodes wait for one another in a circle: "
            "a → c → b → a; remove one 'after'"
        ],
    ),
    (
        "circle through a remedy",
        nodes("a: {agent: free, after: b, on_failure: {run: b}}", "b: {agent: free}"),
        [
            "5: error: nodes.a.after: nodes wait for one another in a circle: "
            "a → b → a; remove one 'after'"
        ],
    ),
    (
        "remedy that waits for another",
        nodes(
            "a: {agent: free, on_failure: {run: c}}",
            "b: {agent: free}",
            "c: {agent: free, after: b}",
        ),
        [
            "7: error: nodes.c.after: 'c' runs only when 'a' has failed (on_failure.run), and "
            "cannot wait for 'b' too; remove one of them"
        ],
    ),
    (
        "remedy that waits for success",
        nodes("a: {agent: free, on_failure: {run: c}}", "c: {agent: free, after: a}"),
        [
            "6: error: nodes.c.after: 'c' runs only when 'a' has failed (on_failure.run), and "
            "waits here for its success; remove this 'after'"
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_lint_of_nodes_that_cannot_run_names_place_and_cure(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """Each fault is one line, at the key that has to change."""
    assert lint_pipeline(tmp_path, text) == [f"pipelines/p.yaml:{line}" for line in expected]


def test_lint_of_a_chain_of_a_thousand_nodes_is_silent(tmp_path: Path) -> None:
    """The longest pipeline there may be is checked like any other."""
    chain = ["n0: {agent: free}"]
    chain += [
        f"n{n}: {{agent: free, after: n{n - 1}, input: {{a: '{{n0.output}}'}}}}"
        for n in range(1, 1000)
    ]
    assert lint_pipeline(tmp_path, nodes(*chain)) == []
