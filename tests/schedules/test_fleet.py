"""Loading a fleet: what a good one becomes, and what is said of a bad one."""

import os
from pathlib import Path

import pytest

from rota.agent_spec import INSTRUCTIONS_LIMIT
from schedules.fleet import load_fleet
from tests.schedules.fleet_folder import AGENT, GOOD, problems, problems_of, write

SCRIPTED = """\
name: demo
runtime:
  kind: scripted
  script: scripts/demo.yaml
"""


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
    fleet = load_fleet(folder)
    assert fleet.check_tools(["ledger.read", "ledger.post"]) == []
    (problem,) = fleet.check_tools(["ledger.read", "ledger.pots"])
    assert str(problem) == (
        "agents/report.yaml:4: tools[1]: unknown tool 'ledger.post'; did you mean 'ledger.pots'?"
    )
    (first, _) = fleet.check_tools([])
    assert "the fleet has no tools.py, or it defines none" in str(first)


def test_digest_same_files_loaded_twice_is_equal(folder: Path) -> None:
    """Loading is a function of the files: an unchanged fleet plans no change."""
    digests = [load_fleet(folder).agents["report"].spec.digest for _ in range(2)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("content", ["", "# an agent was here\n", "---\n"])
def test_load_fleet_emptied_agent_file_is_an_error(folder: Path, content: str) -> None:
    """A file emptied by accident must not take its agent off the rota."""
    (folder / "agents" / "report.yaml").write_text(content)
    (problem,) = problems(folder)
    assert "agents/report.yaml:1" in problem
    assert "declares nothing" in problem
