"""Pipelines in files: read beside agents, one namespace, every problem with its place."""

from pathlib import Path

import pytest

from rota.pipelines.spec import After
from schedules.fleet import load_fleet
from tests.schedules.fleet_folder import AGENT, problems_of, write

HEAD = "kind: Pipeline\nname: morning\n"
PIPELINE = f"""{HEAD}nodes:
  report: {{agent: report}}
  email:
    agent: x
    after: [report]
    not_before: "06:15"
"""

BAD: list[tuple[str, str, list[str]]] = [
    (
        "no nodes",
        HEAD,
        ["agents/x.yaml:1: nodes: missing; this key is required"],
    ),
    (
        "no kind",
        "name: morning\nnodes: {a: {agent: a}}\n",
        [
            "agents/x.yaml:1: kind: missing; a document with nodes is a pipeline: "
            "write kind: Pipeline"
        ],
    ),
    (
        "empty nodes",
        f"{HEAD}nodes: {{}}\n",
        ["agents/x.yaml:3: nodes: must not be empty"],
    ),
    (
        "key of an agent",
        f"{HEAD}runtime: {{}}\nnodes: {{a: {{agent: a}}}}\n",
        [
            "agents/x.yaml:3: runtime: unknown key 'runtime'; known: budget, description, emits, "
            "hook, input, kind, limits, name, nodes, notify, on, retention, ..."
        ],
    ),
    (
        "unknown key of a node",
        f"{HEAD}nodes:\n  a:\n    agnt: a\n",
        [
            "agents/x.yaml:4: nodes.a.agent: missing; this key is required",
            "agents/x.yaml:5: nodes.a.agnt: unknown key 'agnt'; did you mean 'agent'?",
        ],
    ),
    (
        "unknown key of what to do on failure",
        f"{HEAD}nodes:\n  a:\n    agent: a\n    on_failure: {{rerun_upstreams: 2}}\n",
        [
            "agents/x.yaml:6: nodes.a.on_failure.rerun_upstreams: unknown key "
            "'rerun_upstreams'; did you mean 'rerun_upstream'?"
        ],
    ),
    (
        "name of a node",
        f"{HEAD}nodes:\n  My Node: {{agent: a}}\n",
        [
            "agents/x.yaml:4: nodes.My Node: 'My Node' is not a name: lower-case letters, digits "
            "and single hyphens, at most 60 characters, for example nightly-report"
        ],
    ),
    (
        "condition of an edge",
        f"{HEAD}nodes:\n  a: {{agent: a}}\n  b:\n    agent: a\n    after: {{a: done}}\n",
        [
            "agents/x.yaml:7: nodes.b.after.a: 'done' is none of succeeded, failed, finished, any",
        ],
    ),
    (
        "gate without quotes, attempts, condition",
        f"{HEAD}nodes:\n  a:\n    agent: a\n    not_before: 6 o'clock\n    attempts: 0\n"
        "    when: x >\n",
        [
            "agents/x.yaml:6: nodes.a.not_before: '6 o'clock' is not a time: write a local clock "
            'time such as "06:15", or a time after the slot such as 2h',
            "agents/x.yaml:7: nodes.a.attempts: must be at least 1, not 0",
            "agents/x.yaml:8: nodes.a.when: condition 'x >': it ends early; write for example "
            "report.output.total > 100",
        ],
    ),
]


def test_load_fleet_with_pipelines_reads_both_kinds(folder: Path) -> None:
    """Both kinds may stand in either folder; each keeps its lines."""
    write(folder, "agents/x.yaml", f"{AGENT}---\n{PIPELINE}")
    write(folder, "pipelines/second.yaml", PIPELINE.replace("morning", "second"))
    fleet = load_fleet(folder)
    assert list(fleet.agents) == ["report", "x"]
    assert list(fleet.pipelines) == ["morning", "second"]
    assert list(fleet.declarations) == ["report", "x", "morning", "second"]
    morning = fleet.pipelines["morning"]
    assert (morning.source, morning.line) == ("agents/x.yaml", 4)
    assert morning.locate(("nodes", "email", "not_before")) == 11
    assert morning.spec.nodes["email"].after == {"report": After.SUCCEEDED}
    assert fleet.pipelines["second"].source == "pipelines/second.yaml"


def test_load_fleet_agent_and_pipeline_of_one_name_names_both_places(folder: Path) -> None:
    """Agents and pipelines share one namespace: ids, schedules and keepers derive from it."""
    assert problems_of(folder, PIPELINE.replace("morning", "report")) == [
        "agents/x.yaml:2: name: 'report' is declared in agents/report.yaml:1 already; "
        "rename one of them"
    ]


@pytest.mark.parametrize(("text", "expected"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_load_fleet_bad_pipeline_names_place_and_cure(
    folder: Path, text: str, expected: list[str]
) -> None:
    """Each problem is one line with file, line, key, and what to write instead."""
    assert problems_of(folder, text) == expected


def test_load_fleet_emptied_pipeline_file_is_an_error(folder: Path) -> None:
    """A file emptied by accident must not take its pipeline off the rota."""
    write(folder, "pipelines/p.yaml", "# gone\n")
    with pytest.raises(ValueError, match=r"pipelines/p\.yaml:1: declares nothing"):
        load_fleet(folder)


def test_check_tools_of_agents_as_tools_looks_in_the_fleet(folder: Path) -> None:
    """`agents.<name>` needs no tools.py, but an agent of that name in the fleet."""
    called = "tools: [agents.report, agents.report.transfer, agents.reprot, agents.morning, a]\n"
    write(folder, "agents/x.yaml", f"{AGENT}{called}---\n{PIPELINE}")
    found = [str(problem) for problem in load_fleet(folder).check_tools(["a", "ledger.read"])]
    assert found == [
        "agents/report.yaml:4: tools[1]: unknown tool 'ledger.post'; did you mean 'ledger.read'?",
        "agents/x.yaml:3: tools[2]: unknown agent 'reprot'; did you mean 'report'?",
        "agents/x.yaml:3: tools[3]: 'morning' is a pipeline; only an agent can be called as a tool",
    ]


def test_load_fleet_agent_accepting_a_schema_file_holds_its_content(folder: Path) -> None:
    """`accepts.schema` is read as `output.schema` is."""
    write(folder, "schemas/in.json", '{"required": ["sha"]}')
    write(folder, "agents/x.yaml", f"{AGENT}accepts: {{schema: schemas/in.json}}\n")
    accepts = load_fleet(folder).agents["x"].spec.accepts
    assert accepts is not None
    assert accepts.json_schema == {"required": ["sha"]}
