"""Loading a fleet: what a good one becomes, and what is said of a bad one."""

import os
from pathlib import Path
from typing import Any

import pytest

from rota.agent_spec import INSTRUCTIONS_LIMIT
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import Fleet, load_fleet

GOOD = """\
name: report
runtime: {kind: anthropic, model: claude-haiku-4-5}
instructions: prompts/report.md
tools: [ledger.read, ledger.post]
output:
  schema: schemas/report.json
schedule:
  cron: "0 6 * * MON-FRI"
  timezone: Europe/Berlin
"""

SCRIPTED = """\
name: demo
runtime:
  kind: scripted
  script: scripts/demo.yaml
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of one good agent and the files it names."""
    fleet = tmp_path / "My Fleet!"
    write(fleet, "agents/report.yaml", GOOD)
    write(fleet, "prompts/report.md", "Report the numbers.\n")
    write(fleet, "schemas/report.json", '{"type": "object", "required": ["total"]}')
    return fleet


def write(folder: Path, name: str, text: str) -> None:
    """Write one file of a fleet, with the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problems(folder: Path) -> list[str]:
    """Load a fleet that must not load; return what is said, line by line."""
    with pytest.raises(DeclarationErrors) as caught:
        load_fleet(folder)
    return str(caught.value).splitlines()


def problems_of(folder: Path, text: str) -> list[str]:
    """Load the fleet with one more file, `agents/x.yaml`."""
    write(folder, "agents/x.yaml", text)
    return problems(folder)


AGENT = "name: x\nruntime: {kind: anthropic, model: m}\n"

BAD: list[tuple[str, str, list[str]]] = [
    (
        "unknown key",
        AGENT + "shedule: {cron: '@daily'}\n",
        ["agents/x.yaml:3: shedule: unknown key 'shedule'; did you mean 'schedule'?"],
    ),
    (
        "unknown nested key",
        AGENT + "schedule:\n  cron: '@daily'\n  catchup: {polcy: latest}\n",
        ["agents/x.yaml:5: schedule.catchup.polcy: unknown key 'polcy'; did you mean 'policy'?"],
    ),
    (
        "unknown calendar key in a list",
        AGENT + "schedule:\n  calendar:\n    - {hour: 8}\n    - {hours: 8}\n",
        ["agents/x.yaml:6: schedule.calendar[1].hours: unknown key 'hours'; did you mean 'hour'?"],
    ),
    (
        "key without a likeness",
        AGENT + "session: {zzz: 1}\n",
        ["agents/x.yaml:3: session.zzz: unknown key 'zzz'; known: concurrency, key"],
    ),
    (
        "unknown runtime key",
        "name: x\nruntime:\n  kind: anthropic\n  model: m\n  max_token: 5\n",
        [
            "agents/x.yaml:5: runtime.max_token: "
            "unknown key 'max_token'; did you mean 'max_output_tokens'?"
        ],
    ),
    (
        "wrong types, all at once",
        "name: x\nruntime: {kind: anthropic, model: m, max_turns: many}\n"
        "tools: ledger.read\ninput: [1]\ndescription: {input.x}\n",
        [
            "agents/x.yaml:2: runtime.max_turns: expected a whole number, got text",
            "agents/x.yaml:3: tools: expected a list, got text",
            "agents/x.yaml:4: input: expected a mapping, got a list",
            "agents/x.yaml:5: description: expected text, got a mapping; "
            'quote text that begins with a brace, for example "{input.account}"',
        ],
    ),
    (
        "out of bounds",
        "name: x\nruntime: {kind: anthropic, model: m, max_turns: 0}\nretry: {attempts: 101}\n",
        [
            "agents/x.yaml:2: runtime.max_turns: must be at least 1, not 0",
            "agents/x.yaml:3: retry.attempts: must be at most 100, not 101",
        ],
    ),
    (
        "missing keys",
        "description: nothing else\n",
        [
            "agents/x.yaml:1: name: missing; this key is required",
            "agents/x.yaml:1: runtime: missing; this key is required",
        ],
    ),
    (
        "missing runtime keys",
        "name: x\nruntime:\n  kind: anthropic\n",
        ["agents/x.yaml:2: runtime.model: missing; this key is required"],
    ),
    (
        "bad name",
        AGENT.replace("name: x", "name: Nightly Report"),
        [
            "agents/x.yaml:1: name: 'Nightly Report' is not a name: lower-case letters, digits "
            "and single hyphens, at most 60 characters, for example nightly-report"
        ],
    ),
    (
        "unknown kind",
        "kind: Pipeline\nname: x\nnodes: {}\n",
        ["agents/x.yaml:1: kind: unknown kind 'Pipeline'; known: Agent"],
    ),
    (
        "unknown runtime kind",
        "name: x\nruntime: {kind: gpt}\n",
        ["agents/x.yaml:2: runtime.kind: unknown runtime 'gpt'; known: anthropic, scripted"],
    ),
    (
        "secret written out",
        "name: x\nruntime: {kind: anthropic, model: m, api_key: sk-secret}\n",
        [
            "agents/x.yaml:2: runtime.api_key: "
            "write a reference, env:NAME or file:/path, never the secret itself"
        ],
    ),
    (
        "missing prompt file",
        AGENT + "instructions: prompts/gone.md\n",
        [
            "agents/x.yaml:3: instructions: "
            "no file 'prompts/gone.md' in the fleet's folder; mend the path"
        ],
    ),
    (
        "prompt outside",
        AGENT + "instructions: ../secret.md\n",
        [
            "agents/x.yaml:3: instructions: "
            "'../secret.md' lies outside the fleet's folder; move the file into it"
        ],
    ),
    (
        "cron banana",
        AGENT + "schedule:\n  cron: banana\n",
        [
            "agents/x.yaml:4: schedule.cron: cron 'banana': expected five fields "
            "(minute hour day-of-month month day-of-week), found 1; "
            "write for example '5 * * * *' or @daily"
        ],
    ),
    (
        "second of several crons",
        AGENT + "schedule:\n  cron:\n    - '@daily'\n    - '61 * * * *'\n",
        ["agents/x.yaml:6: schedule.cron[1]: cron '61 * * * *': minute '61': outside 0-59"],
    ),
    (
        "bad calendar, interval, overlap, date and time",
        AGENT + "schedule:\n  calendar: {hour: 25}\n  every: 0.5s\n  overlap: maybe\n"
        "  exclude: [2026-02-30]\n  start: soon\n",
        [
            "agents/x.yaml:4: schedule.calendar: hour '25': outside 0-23",
            "agents/x.yaml:5: schedule.every: an interval is a whole number of seconds, "
            "at least 1s",
            "agents/x.yaml:6: schedule.overlap: 'maybe' is none of skip, queue_one, queue_all, "
            "cancel_other, terminate_other, allow",
            "agents/x.yaml:7: schedule.exclude[0]: expected a date such as 2026-12-25, got text",
            "agents/x.yaml:8: schedule.start: "
            "expected a time such as 2026-12-25T06:00:00+01:00, got text",
        ],
    ),
    (
        "bad duration",
        AGENT + "budget: {wall_clock: soon}\n",
        [
            "agents/x.yaml:3: budget.wall_clock: 'soon' is not a duration; "
            "write for example 30s, 5m or 1h30m"
        ],
    ),
    (
        "schedule that says nothing",
        AGENT + "schedule: {timezone: UTC}\n",
        ["agents/x.yaml:3: schedule: say when: give at least one of cron, every, calendar"],
    ),
    (
        "inline schema that is none",
        AGENT + "output:\n  schema:\n    type: object\n    required: total\n",
        [
            "agents/x.yaml:6: output.schema.required: not a JSON Schema at required: "
            "'total' is not of type 'array'"
        ],
    ),
    (
        "schema that points away",
        AGENT + "output:\n  schema:\n    $ref: https://example.com/x.json\n",
        [
            "agents/x.yaml:5: output.schema.$ref: "
            "'https://example.com/x.json' is not in this schema; write #/$defs/..."
        ],
    ),
    (
        "schema of another dialect",
        AGENT + "output: {schema: {$schema: 'http://json-schema.org/draft-04/schema#'}}\n",
        [
            "agents/x.yaml:3: output.schema.$schema: 'http://json-schema.org/draft-04/schema#' "
            "is not read here; write https://json-schema.org/draft/2020-12/schema or leave it out"
        ],
    ),
    (
        "script and turns",
        "name: x\nruntime: {kind: scripted, script: a.yaml, turns: [{result: 1}]}\n",
        ["agents/x.yaml:2: runtime.script: give either script or turns, not both"],
    ),
    (
        "no mapping",
        "- name: x\n",
        ["agents/x.yaml:1: expected a mapping with name and runtime, got a list"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_load_fleet_bad_document_names_place_and_cure(
    folder: Path, text: str, expected: list[str]
) -> None:
    """Each problem is one line with file, line, key, and what to write instead."""
    assert problems_of(folder, text) == expected


def test_load_fleet_good_folder_reads_everything(folder: Path) -> None:
    """Prompts and schemas are inside the spec, with their place in the file at hand."""
    fleet = load_fleet(folder)
    agent = fleet.agents["report"]
    assert (fleet.name, fleet.folder) == ("my-fleet", folder)
    assert agent.spec.instructions == "Report the numbers.\n"
    assert agent.spec.output is not None
    assert agent.spec.output.json_schema == {"type": "object", "required": ["total"]}
    assert (agent.source, agent.line) == ("agents/report.yaml", 1)
    assert agent.locate(("schedule", "timezone")) == 9
    assert agent.locate(("schedule", "jitter")) == 7


def test_load_fleet_runtime_defaults_are_in_the_spec(folder: Path) -> None:
    """A default is part of the digest: changing it in a release is a visible change."""
    settings = load_fleet(folder).agents["report"].spec.runtime.settings
    assert settings["max_output_tokens"] == 8192
    assert settings["timeout"] == "10m"
    assert settings["api_key"] == "env:ANTHROPIC_API_KEY"


def test_load_fleet_several_documents_each_have_their_lines(folder: Path) -> None:
    """One file may hold several agents, and empty documents between them."""
    write(folder, "agents/two.yml", f"{AGENT}---\n---\n{AGENT.replace('x', 'y')}")
    fleet = load_fleet(folder)
    assert list(fleet.agents) == ["report", "x", "y"]
    assert (fleet.agents["x"].line, fleet.agents["y"].line) == (1, 5)


def test_load_fleet_same_name_twice_names_both_places(folder: Path) -> None:
    """Two agents of one name are refused, wherever they are declared."""
    assert problems_of(folder, f"# a copy\n{GOOD}") == [
        "agents/x.yaml:2: name: 'report' is declared in agents/report.yaml:1 already; "
        "rename one of them"
    ]


def test_load_fleet_several_files_reports_all_problems(folder: Path) -> None:
    """One bad file does not hide what is wrong with the next."""
    write(folder, "agents/a.yaml", "name: [\n")
    write(folder, "agents/b.yaml", AGENT + "tols: []\n")
    write(folder, "fleet.yaml", "nam: finance\n")
    assert [line.split(": ")[0] for line in problems(folder)] == [
        "agents/a.yaml:2",
        "agents/b.yaml:3",
        "fleet.yaml:1",
    ]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("name: finance\n", "finance", None),
        ("", "my-fleet", None),
        ("nam: x\n", None, "fleet.yaml:1: nam: unknown key 'nam'; did you mean 'name'?"),
        ("finance\n", None, "fleet.yaml:1: expected a mapping with name, got text"),
        ("name: 5\n", None, "fleet.yaml:1: name: expected text, got a number; quote it"),
    ],
)
def test_load_fleet_fleet_file_gives_name(
    folder: Path, text: str, name: str | None, expected: str | None
) -> None:
    """`fleet.yaml` names the fleet; without one the folder does."""
    write(folder, "fleet.yaml", text)
    if expected is None:
        assert load_fleet(folder).name == name
    else:
        assert problems(folder) == [expected]


def test_load_fleet_no_agents_folder_says_what_a_fleet_is(tmp_path: Path) -> None:
    """A folder that is no fleet is told so, with the command that makes one."""
    (line,) = problems(tmp_path)
    assert "not a fleet; rota init writes one" in line


def test_load_fleet_huge_prompt_is_refused_with_sizes(folder: Path) -> None:
    """A 10 MB prompt is refused before it is read, with its size and the limit."""
    write(folder, "prompts/report.md", "x" * 10 * 1024 * 1024)
    assert problems(folder) == [
        "agents/report.yaml:3: instructions: prompts/report.md: 10,485,760 bytes; "
        f"at most {INSTRUCTIONS_LIMIT:,} are read"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file 'prompts/report.md' is empty; write what the agent should do"),
        (b"ok\n\xff\xfe", "prompts/report.md:2: not UTF-8; save the file as UTF-8"),
    ],
)
def test_load_fleet_unusable_prompt_is_refused(folder: Path, content: bytes, message: str) -> None:
    """A prompt that is empty or not text cannot be what somebody meant."""
    (folder / "prompts/report.md").write_bytes(content)
    assert problems(folder) == [f"agents/report.yaml:3: instructions: {message}"]


@pytest.mark.parametrize("name", ["prompts/report.md", "schemas/report.json", "agents/report.yaml"])
def test_load_fleet_link_leading_outside_is_refused(folder: Path, name: str) -> None:
    """A symbolic link does not get a file from outside the fleet read."""
    outside = folder.parent / "outside"
    outside.write_text((folder / name).read_text())
    (folder / name).unlink()
    os.symlink(outside, folder / name)
    (line,) = problems(folder)
    assert f"'{name}' lies outside the fleet's folder" in line


@pytest.mark.parametrize(
    "text",
    ["You reconcile accounts.", "Line one\nprompts/report.md", "Read README.md first", "x.y"],
)
def test_load_fleet_inline_instructions_stay_text(folder: Path, text: str) -> None:
    """Text that names no file is the instructions themselves."""
    write(folder, "agents/x.yaml", AGENT + f"instructions: {text!r}\n".replace("'", '"'))
    assert load_fleet(folder).agents["x"].spec.instructions == text


def test_load_fleet_script_content_is_in_the_spec(folder: Path) -> None:
    """A script is resolved to its turns, so that editing it changes the digest."""
    write(folder, "agents/demo.yaml", SCRIPTED)
    write(folder, "scripts/demo.yaml", "- {say: hello}\n- {result: {total: 1}}\n")
    spec = load_fleet(folder).agents["demo"].spec
    assert "script" not in spec.runtime.settings
    assert spec.runtime.settings["turns"][1]["result"] == {"total": 1}
    assert spec.runtime.model == "scripted"
    write(folder, "scripts/demo.yaml", "- {say: hello}\n- {result: {total: 2}}\n")
    assert load_fleet(folder).agents["demo"].spec.digest != spec.digest


def test_load_fleet_bad_script_names_the_script_and_its_line(folder: Path) -> None:
    """A problem inside a script is reported where it can be mended."""
    write(folder, "agents/demo.yaml", SCRIPTED)
    write(folder, "scripts/demo.yaml", "- say: hello\n- calls:\n    - {tol: ledger.read}\n")
    assert problems(folder) == [
        "scripts/demo.yaml:3: [1].calls[0].tool: missing; this key is required",
        "scripts/demo.yaml:3: [1].calls[0].tol: unknown key 'tol'; did you mean 'tool'?",
    ]


def test_load_fleet_bad_schema_file_names_it(folder: Path) -> None:
    """A schema file that is no schema is reported under its own name."""
    write(folder, "schemas/report.json", '{\n "type": "objekt"\n}')
    (line,) = problems(folder)
    assert line.startswith("schemas/report.json:2: type: not a JSON Schema at type: 'objekt'")


def test_check_tools_unknown_tool_is_named_with_a_likeness(folder: Path) -> None:
    """A tool that nobody defines is reported at its place in the list."""
    fleet: Fleet = load_fleet(folder)
    assert fleet.check_tools(["ledger.read", "ledger.post"]) == []
    (problem,) = fleet.check_tools(["ledger.read", "ledger.pots"])
    assert str(problem) == (
        "agents/report.yaml:4: tools[1]: unknown tool 'ledger.post'; did you mean 'ledger.pots'?"
    )
    (first, _) = fleet.check_tools([])
    assert "the fleet has no tools.py, or it defines none" in str(first)


def test_digest_same_files_loaded_twice_is_equal(folder: Path) -> None:
    """Loading is a function of the files: an unchanged fleet plans no change."""
    digests: list[Any] = [load_fleet(folder).agents["report"].spec.digest for _ in range(2)]
    assert digests[0] == digests[1]
