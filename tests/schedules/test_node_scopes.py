"""What nodes take from one another: refused where it cannot be there."""

from pathlib import Path

import pytest

from tests.schedules.pipeline_folder import HEAD, ONE, lint_pipeline, nodes

WRONG: list[tuple[str, str, list[str]]] = [
    (
        "path that the schema cannot have",
        nodes(ONE, 'b: {agent: free, after: r, input: {t: ["{r.output.totl}"]}}'),
        [
            "6: error: nodes.b.input.t[0]: {r.output.totl}: the output of 'r' has no 'totl'; "
            "did you mean 'total'? (or let its schema say additionalProperties: true)"
        ],
    ),
    (
        "condition on a path that the schema cannot have",
        nodes(ONE, "b: {agent: free, after: r, when: r.output.totl > 0}"),
        [
            "6: error: nodes.b.when: r.output.totl: the output of 'r' has no 'totl'; "
            "did you mean 'total'? (or let its schema say additionalProperties: true)"
        ],
    ),
    (
        "unknown key of a result",
        nodes(ONE, 'b: {agent: free, after: r, input: {t: "{r.result}"}}'),
        [
            "6: error: nodes.b.input.t: {r.result}: a node has no 'result'; "
            "known: output, output_digest, reason, run_id, status"
        ],
    ),
    (
        "inside of a text",
        nodes(ONE, 'b: {agent: free, after: r, input: {t: "{r.status.x} {slot.x}"}}'),
        [
            "6: error: nodes.b.input.t: {r.status.x}: 'status' is text, with nothing inside",
            "6: error: nodes.b.input.t: {slot.x}: a slot is one time, with nothing inside; "
            "write slot",
        ],
    ),
    (
        "not before",
        nodes(ONE, 'b: {agent: free, input: {t: "{r.output.total}"}}'),
        [
            "6: error: nodes.b.input.t: {r.output.total}: 'r' does not come before this node; "
            "add it to 'after'"
        ],
    ),
    (
        "what may still be at work",
        nodes(
            "first: {agent: free}",
            "a: {agent: free, after: first, on_failure: {run: alarm}}",
            "b: {agent: free, after: first, on_failure: {run: alarm}}",
            "alarm: {agent: free, input: {f: '{first.status}', a: '{a.reason}', b: '{b.reason|}'}}",
        ),
        [
            "8: error: nodes.alarm.input.a: {a.reason}: 'a' may still be at work, as a remedy of "
            "several nodes runs when the first of them has failed; give a default: {a.reason|...}"
        ],
    ),
    (
        "no such node",
        nodes("rep: {agent: report}", "b: {agent: free, after: rep, when: reb.output}"),
        ["6: error: nodes.b.when: reb.output: no node 'reb'; did you mean 'rep'?"],
    ),
    (
        "own result",
        nodes('b: {agent: free, input: {t: "{b.output}"}}'),
        [
            "5: error: nodes.b.input.t: {b.output}: a node does not see its own result; "
            "name a node before it"
        ],
    ),
    (
        "input that is not there",
        nodes('b: {agent: free, input: {t: "{input.regoin}"}}'),
        [
            "5: error: nodes.b.input.t: {input.regoin}: no 'regoin'; 'input' has empty, region; "
            "give it under the pipeline's 'input', or a default: {input.regoin|...}"
        ],
    ),
    (
        "malformed template",
        nodes('b: {agent: free, input: {t: "{oh no}"}}'),
        [
            "5: error: nodes.b.input.t: '{oh no}' is not a template; write a dotted path such as "
            "{input.account}, or double the braces to mean them literally"
        ],
    ),
    (
        "item without items",
        nodes('b: {agent: free, input: {t: "{item.sku}"}}'),
        ["5: error: nodes.b.input.t: {item.sku}: there is no item; add for_each to the node"],
    ),
    (
        "item in a condition",
        nodes("b: {agent: free, for_each: [1], when: item > 0}"),
        ["5: error: nodes.b.when: item: there is an item only under 'input'"],
    ),
    (
        "item that the list cannot have",
        nodes(
            ONE,
            "b: {agent: free, after: r, for_each: '{r.output.rows}', input: {s: '{item.sk}'}}",
        ),
        [
            "6: error: nodes.b.input.s: {item.sk}: an item has no 'sk'; did you mean 'sku'? "
            "(or let its schema say additionalProperties: true)"
        ],
    ),
    (
        "for_each over no list",
        nodes(ONE, "b: {agent: free, after: r, for_each: '{r.output.total}'}"),
        [
            "6: error: nodes.b.for_each: for_each needs a list, and {r.output.total} is of type "
            "number"
        ],
    ),
    (
        "for_each over text",
        nodes(ONE, "b: {agent: free, after: r, for_each: 'rows {r.output.rows}'}"),
        [
            "6: error: nodes.b.for_each: for_each needs a list, and 'rows {r.output.rows}' makes "
            "text; write one template and nothing around it, for example {report.output.rows}"
        ],
    ),
    (
        "results of items are a list",
        nodes(
            "r: {agent: report, for_each: [1, 2]}",
            'b: {agent: free, after: r, input: {t: "{r.output.total}"}}',
        ),
        [
            "6: error: nodes.b.input.t: {r.output.total}: the output of 'r' is a list and has no "
            "'total'; write an index, for example 0"
        ],
    ),
]

SOUND = [
    nodes(
        "b: {agent: free, input: {a: '{input.event.payload.x}'}}",
        head=HEAD + "on: [{event: x.done}]\nemits: [y.done]\n",
    ),
    nodes(
        "b: {agent: free, input: {a: '{input.hook.body.x}'}}",
        head=HEAD + "hook: {secrets: ['env:S']}\n",
    ),
    nodes(
        "b: {agent: free, input: {a: '{input.sha}'}}",
        head=HEAD + "hook: {secrets: ['env:S'], input: {sha: '{body.sha}'}}\n",
    ),
    nodes(
        "r: {agent: report, on_failure: {run: alarm}}",
        "c: {agent: free, after: r, for_each: '{r.output.rows}', input: {s: '{item.sku}'}}",
        "d: {agent: free, after: {c: any}, when: 'input.unheard or c.output.0.x'}",
        "e: {agent: free, after: [d], input: {t: '{r.output.total}', x: '{c.output}'}}",
        "f: {agent: free, after: d, input: {i: '{input.region} {slot} {input.new|none}'}}",
        "g: {agent: free, after: d, input: {i: '{input.empty.deep}', j: '{d.output.any.thing}'}}",
        "alarm: {agent: free, after: {r: failed}, input: {why: '{r.reason}', o: '{r.output|}'}}",
        "h: {agent: free, after: alarm, for_each: ['{r.run_id}', 2]}",
    ),
    nodes("r: {agent: report}", "b: {agent: free, after: r, input: {a: '{r.output.new|0}'}}"),
]


@pytest.mark.parametrize(("text", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_lint_of_a_path_that_cannot_be_there_names_what_is(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """Each path is one line, at the key that names it."""
    assert lint_pipeline(tmp_path, text) == [f"pipelines/p.yaml:{line}" for line in expected]


@pytest.mark.parametrize("text", SOUND)
def test_lint_of_a_path_that_may_be_there_is_silent(tmp_path: Path, text: str) -> None:
    """What a default, an open schema, an event or a run may bring is not refused."""
    assert lint_pipeline(tmp_path, text) == []
