"""Pipelines whose nodes cannot run, or take what cannot be there; gates nothing can pass."""

from pathlib import Path

import pytest

from tests.schedules.fleet_folder import AGENT, findings, write

REPORT = (
    AGENT.replace("name: x", "name: report")
    + """\
output:
  schema:
    type: object
    properties:
      total: {type: number}
      rows: {type: array, items: {type: object, properties: {sku: {type: string}}}}
"""
)
FREE = AGENT.replace("name: x", "name: free")
HEAD = "kind: Pipeline\nname: p\ninput: {region: eu, empty: null}\n"
SIX = 'schedule: {cron: "0 6 * * *", timezone: Europe/Berlin}\n'


def _nodes(*nodes: str, head: str = HEAD) -> str:
    return f"{head}nodes:\n" + "".join(f"  {node}\n" for node in nodes)


ONE = "r: {agent: report}"

WRONG: list[tuple[str, str, list[str]]] = [
    (
        "reserved name",
        _nodes("input: {agent: free}"),
        ["5: error: nodes.input: 'input' means something else in templates; rename the node"],
    ),
    (
        "after nothing known",
        _nodes(ONE, "b: {agent: free, after: [rr]}"),
        ["6: error: nodes.b.after: no node 'rr'; did you mean 'r'?"],
    ),
    (
        "after itself",
        _nodes("b: {agent: free, after: b}"),
        ["5: error: nodes.b.after: 'b' waits for itself; name another node, or none"],
    ),
    (
        "its own remedy",
        _nodes("b: {agent: free, on_failure: {run: b}}"),
        ["5: error: nodes.b.on_failure.run: 'b' is its own remedy; name another node, or none"],
    ),
    (
        "unknown remedy",
        _nodes("alarm: {agent: free}", "b: {agent: free, on_failure: {run: alrm}}"),
        ["6: error: nodes.b.on_failure.run: no node 'alrm'; did you mean 'alarm'?"],
    ),
    (
        "circle",
        _nodes(
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
        _nodes("a: {agent: free, after: b, on_failure: {run: b}}", "b: {agent: free}"),
        [
            "5: error: nodes.a.after: nodes wait for one another in a circle: "
            "a → b → a; remove one 'after'"
        ],
    ),
    (
        "remedy that waits for another",
        _nodes(
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
        _nodes("a: {agent: free, on_failure: {run: c}}", "c: {agent: free, after: a}"),
        [
            "6: error: nodes.c.after: 'c' runs only when 'a' has failed (on_failure.run), and "
            "waits here for its success; remove this 'after'"
        ],
    ),
    (
        "path that the schema cannot have",
        _nodes(ONE, 'b: {agent: free, after: r, input: {t: ["{r.output.totl}"]}}'),
        [
            "6: error: nodes.b.input.t[0]: {r.output.totl}: the output of 'r' has no 'totl'; "
            "did you mean 'total'? (or let its schema say additionalProperties: true)"
        ],
    ),
    (
        "condition on a path that the schema cannot have",
        _nodes(ONE, "b: {agent: free, after: r, when: r.output.totl > 0}"),
        [
            "6: error: nodes.b.when: r.output.totl: the output of 'r' has no 'totl'; "
            "did you mean 'total'? (or let its schema say additionalProperties: true)"
        ],
    ),
    (
        "unknown key of a result",
        _nodes(ONE, 'b: {agent: free, after: r, input: {t: "{r.result}"}}'),
        [
            "6: error: nodes.b.input.t: {r.result}: a node has no 'result'; "
            "known: output, output_digest, reason, run_id, status"
        ],
    ),
    (
        "inside of a text",
        _nodes(ONE, 'b: {agent: free, after: r, input: {t: "{r.status.x} {slot.x}"}}'),
        [
            "6: error: nodes.b.input.t: {r.status.x}: 'status' is text, with nothing inside",
            "6: error: nodes.b.input.t: {slot.x}: a slot is one time, with nothing inside; "
            "write slot",
        ],
    ),
    (
        "not before",
        _nodes(ONE, 'b: {agent: free, input: {t: "{r.output.total}"}}'),
        [
            "6: error: nodes.b.input.t: {r.output.total}: 'r' does not come before this node; "
            "add it to 'after'"
        ],
    ),
    (
        "no such node",
        _nodes("rep: {agent: report}", "b: {agent: free, after: rep, when: reb.output}"),
        ["6: error: nodes.b.when: reb.output: no node 'reb'; did you mean 'rep'?"],
    ),
    (
        "own result",
        _nodes('b: {agent: free, input: {t: "{b.output}"}}'),
        [
            "5: error: nodes.b.input.t: {b.output}: a node does not see its own result; "
            "name a node before it"
        ],
    ),
    (
        "input that is not there",
        _nodes('b: {agent: free, input: {t: "{input.regoin}"}}'),
        [
            "5: error: nodes.b.input.t: {input.regoin}: no 'regoin'; 'input' has empty, region; "
            "give it under the pipeline's 'input', or a default: {input.regoin|...}"
        ],
    ),
    (
        "malformed template",
        _nodes('b: {agent: free, input: {t: "{oh no}"}}'),
        [
            "5: error: nodes.b.input.t: '{oh no}' is not a template; write a dotted path such as "
            "{input.account}, or double the braces to mean them literally"
        ],
    ),
    (
        "item without items",
        _nodes('b: {agent: free, input: {t: "{item.sku}"}}'),
        ["5: error: nodes.b.input.t: {item.sku}: there is no item; add for_each to the node"],
    ),
    (
        "item in a condition",
        _nodes("b: {agent: free, for_each: [1], when: item > 0}"),
        ["5: error: nodes.b.when: item: there is an item only under 'input'"],
    ),
    (
        "item that the list cannot have",
        _nodes(
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
        _nodes(ONE, "b: {agent: free, after: r, for_each: '{r.output.total}'}"),
        [
            "6: error: nodes.b.for_each: for_each needs a list, and {r.output.total} is of type "
            "number"
        ],
    ),
    (
        "for_each over text",
        _nodes(ONE, "b: {agent: free, after: r, for_each: 'rows {r.output.rows}'}"),
        [
            "6: error: nodes.b.for_each: for_each needs a list, and 'rows {r.output.rows}' makes "
            "text; write one template and nothing around it, for example {report.output.rows}"
        ],
    ),
    (
        "results of items are a list",
        _nodes(
            "r: {agent: report, for_each: [1, 2]}",
            'b: {agent: free, after: r, input: {t: "{r.output.total}"}}',
        ),
        [
            "6: error: nodes.b.input.t: {r.output.total}: the output of 'r' is a list and has no "
            "'total'; write an index, for example 0"
        ],
    ),
    (
        "durations the wrong way round",
        _nodes("b: {agent: free, not_before: 2h, deadline: 1h}"),
        [
            "5: error: nodes.b.deadline: 1h comes before not_before (2h); "
            "set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "no time between gates",
        _nodes("b: {agent: free, not_before: 1h, deadline: 60m}"),
        [
            "5: error: nodes.b.deadline: 1h leaves no time after not_before; "
            "set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "no time at all",
        _nodes("b: {agent: free, deadline: 0s}"),
        ["5: error: nodes.b.deadline: 0s after the slot leaves no time; write for example 1h"],
    ),
    (
        "clock times the wrong way round",
        _nodes('b: {agent: free, not_before: "06:30", deadline: "06:15"}', head=HEAD + SIX),
        [
            "6: error: nodes.b.deadline: 06:15 comes before not_before (06:30) for the slot "
            "2026-11-24 06:00; set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "clock time and duration",
        _nodes('b: {agent: free, not_before: "06:30", deadline: 10m}', head=HEAD + SIX),
        [
            "6: error: nodes.b.deadline: 10m comes before not_before (06:30) for the slot "
            "2026-11-24 06:00; set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "deadline before the slot",
        _nodes('b: {agent: free, deadline: "05:30"}', head=HEAD + SIX),
        [
            "6: warning: nodes.b.deadline: 05:30 is before the slot at 06:00 and so means the "
            "next day; set a later time, or a duration such as 2h"
        ],
    ),
]

SOUND = [
    _nodes(
        "r: {agent: report, on_failure: {run: alarm}}",
        "c: {agent: free, after: r, for_each: '{r.output.rows}', input: {s: '{item.sku}'}}",
        "d: {agent: free, after: {c: any}, when: 'input.unheard or c.output.0.x'}",
        "e: {agent: free, after: [d], input: {t: '{r.output.total}', x: '{c.output}'}}",
        "f: {agent: free, after: d, input: {i: '{input.region} {slot} {input.new|none}'}}",
        "g: {agent: free, after: d, input: {i: '{input.empty.deep}', j: '{d.output.any.thing}'}}",
        "alarm: {agent: free, after: {r: failed}, input: {why: '{r.reason}', o: '{r.output|}'}}",
        "h: {agent: free, after: alarm, for_each: ['{r.run_id}', 2]}",
    ),
    _nodes("b: {agent: free, not_before: 1h, deadline: 2h}"),
    _nodes(
        'b: {agent: free, not_before: "23:30", deadline: "01:00"}',
        head=HEAD + 'schedule: {cron: "0 23 * * *", timezone: Europe/Berlin}\n',
    ),
    _nodes('b: {agent: free, not_before: "06:15", deadline: 1h}', head=HEAD + SIX),
    _nodes('b: {agent: free, not_before: "06:30", deadline: "06:15"}'),
    _nodes(
        "b: {agent: free, input: {a: '{input.event.payload.x}'}}",
        head=HEAD + "on: [{event: x.done}]\nemits: [y.done]\n",
    ),
    _nodes("r: {agent: report}", "b: {agent: free, after: r, input: {a: '{r.output.new|0}'}}"),
]


def _lint(folder: Path, pipeline: str) -> list[str]:
    write(folder, "agents/a.yaml", f"{REPORT}---\n{FREE}")
    write(folder, "pipelines/p.yaml", pipeline)
    return findings(folder)


@pytest.mark.parametrize(("text", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_lint_of_a_pipeline_that_cannot_run_names_place_and_cure(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """Each fault is one line, at the key that has to change."""
    assert _lint(tmp_path, text) == [f"pipelines/p.yaml:{line}" for line in expected]


@pytest.mark.parametrize("text", SOUND)
def test_lint_of_a_pipeline_that_can_run_is_silent(tmp_path: Path, text: str) -> None:
    """What can be there is not refused, and a night's work may cross midnight."""
    assert [f for f in _lint(tmp_path, text) if ": note: " not in f] == []


def test_lint_of_a_chain_of_a_thousand_nodes_is_quick(tmp_path: Path) -> None:
    """The longest pipeline there may be is checked in a few seconds."""
    chain = ["n0: {agent: free}"]
    chain += [
        f"n{n}: {{agent: free, after: n{n - 1}, input: {{a: '{{n0.output}}'}}}}"
        for n in range(1, 1000)
    ]
    assert _lint(tmp_path, _nodes(*chain)) == []
