"""`rota init`, `rota validate`, `rota schema`: without a server."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode
from workers.cli.init import FILES


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A fleet as `rota init` writes it."""
    ended = await rota("init", str(tmp_path / "my-fleet"))
    assert ended.code == ExitCode.OK
    return tmp_path / "my-fleet"


def files_in(folder: Path) -> set[str]:
    """Every file below `folder`, as the fleet names it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_init_writes_a_fleet_that_is_valid(folder: Path) -> None:
    """What `rota init` writes needs no mending."""
    ended = await rota("validate", "--fleet", str(folder), "--json")
    assert ended.code == ExitCode.OK
    assert ended.json == {
        "ok": True,
        "fleet": "my-fleet",
        "agents": ["hello"],
        "pipelines": [],
        "teams": [],
        "errors": [],
        "warnings": [],
        "notes": [],
    }


async def test_init_in_a_folder_with_one_of_its_files_writes_nothing(tmp_path: Path) -> None:
    """A file that is there is never overwritten, and no half fleet is left."""
    (tmp_path / "tools.py").write_text("# mine\n")
    ended = await rota("init", str(tmp_path))
    assert ended.code == ExitCode.WRONG
    assert "tools.py" in ended.err
    assert files_in(tmp_path) == {"tools.py"}
    assert (tmp_path / "tools.py").read_text() == "# mine\n"


async def test_init_keeps_the_local_state_out_of_version_control(folder: Path) -> None:
    """The database and the store are no part of a fleet."""
    assert ".rota/" in (folder / ".gitignore").read_text().splitlines()
    assert files_in(folder) == set(FILES)


BAD = [
    ("unknown key", "agents/hello.yaml", "budget:", "budgte:", "did you mean 'budget'"),
    ("unknown tool", "agents/hello.yaml", "[text.count_words,", "[text.counts,", "text.counts"),
    (
        "nothing to connect to",
        "agents/hello.yaml",
        "[text.count_words,",
        "[text.count_words, github.comment,",
        "tools[1]: 'github.comment' needs github in fleet.yaml; add github:",
    ),
    ("never fires", "agents/hello.yaml", "0 8 * * MON-FRI", "0 8 30 2 *", "schedule"),
    ("broken tools", "tools.py", "def count_words(", "def count_words((", "tools.py"),
    ("two of one name", "fleet.yaml", "name: my-fleet", "nmae: my-fleet", "fleet.yaml:2"),
]


@pytest.mark.parametrize(("case", "file", "old", "new", "told"), BAD, ids=[b[0] for b in BAD])
async def test_validate_of_a_bad_fleet_ends_with_2_and_names_the_place(
    folder: Path, case: str, file: str, old: str, new: str, told: str
) -> None:
    """Whatever is wrong is told as `error: file:line: …`, without a traceback."""
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    ended = await rota("validate", "--fleet", str(folder))
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert told in ended.err
    assert all(line.startswith("error: ") for line in ended.err.splitlines())


async def test_validate_names_pipelines_and_prints_notes(folder: Path) -> None:
    """What has to come from outside is noted, and is no reason to refuse the fleet."""
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "all.yaml").write_text(
        "kind: Pipeline\nname: all\non: [{event: git.pushed}]\nnodes: {a: {agent: hello}}\n"
    )
    ended = await rota("validate", "--fleet", str(folder))
    assert ended.code == ExitCode.OK
    assert ended.out == "fleet my-fleet is valid; agents: hello; pipelines: all\n"
    assert "note: pipelines/all.yaml:3: on[0].event: nobody in this fleet emits" in ended.err
    document = (await rota("validate", "--fleet", str(folder), "--json")).json
    assert (document["pipelines"], len(document["notes"])) == (["all"], 1)


async def test_validate_with_json_of_a_bad_fleet_lists_the_problems(folder: Path) -> None:
    """Programs get file, line, key and message of every problem."""
    path = folder / "agents/hello.yaml"
    path.write_text(path.read_text() + "nonsense: 1\nbanana: 2\n")
    ended = await rota("validate", "--fleet", str(folder), "--json")
    assert ended.code == ExitCode.WRONG
    assert ended.json["ok"] is False
    assert [problem["key"] for problem in ended.json["errors"]] == ["nonsense", "banana"]
    last = len(path.read_text().splitlines())
    assert [problem["line"] for problem in ended.json["errors"]] == [last - 1, last]


async def test_schema_accepts_what_init_writes(folder: Path) -> None:
    """The schema for editors agrees with the files one starts from."""
    ended = await rota("schema")
    declaration = yaml.safe_load((folder / "agents/hello.yaml").read_text())
    Draft202012Validator(ended.json).validate(declaration)


async def test_schema_of_fleet_yaml_accepts_what_init_writes(folder: Path) -> None:
    """The file of the fleet has a schema of its own."""
    ended = await rota("schema", "--fleet-file")
    declaration = yaml.safe_load((folder / "fleet.yaml").read_text())
    Draft202012Validator(ended.json).validate(declaration)
