"""What `--help` promises: examples, exit codes, a quick start."""

import re
import subprocess
import sys

import click
import pytest

from tests.house.repository import ROOT
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode
from workers.cli.main import COMMANDS, SECTIONS
from workers.cli.main import rota as group

HEAVY = ("temporalio", "pydantic", "rich", "yaml", "anthropic", "boto3")


def command_named(name: str) -> click.Command:
    """Import one command."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


EVENTS = [f"events {name}" for name in ("publish", "list", "tail", "replay", "dead")]
ALL = [*COMMANDS, *EVENTS, "memory show", "memory set", "memory history", "memory rollback"]
ALL += [f"baseline {name}" for name in ("show", "diff", "accept", "reject", "history")]
ALL += ["effects resolve", "memory reset-conversation"]
ALL += [f"audit {name}" for name in ("archive", "erase", "hold", "holds", "release")]


@pytest.mark.parametrize("name", ALL)
async def test_help_of_a_command_has_an_example_that_begins_with_it(name: str) -> None:
    """Each command's help shows how it is typed."""
    ended = await rota(*name.split(), "--help")
    assert ended.code == ExitCode.OK
    _, example, rest = ended.out.partition("Example")
    assert example, f"no example in the help of {name}"
    assert f"rota {name}" in rest


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_rota_says_of_a_command_what_its_own_help_begins_with(name: str) -> None:
    """The overview is written apart from the commands, and does not drift from them."""
    listed = {n: text for section in SECTIONS.values() for n, (_, text) in section.items()}
    help_text = command_named(name).help or ""
    assert listed[name] == help_text.split("\n\n")[0].replace("\n", " ")


async def test_help_of_rota_documents_every_exit_code() -> None:
    """The number a script meets is explained where a person looks first."""
    ended = await rota("--help")
    words = " ".join(ended.out.split())
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in words


async def test_every_variable_that_is_read_is_documented() -> None:
    """What the environment can change is listed by `rota --help` and in the manual."""
    sources = [path.read_text() for path in (ROOT / "workers").rglob("*.py")]
    read = {name for text in sources for name in re.findall(r'"(ROTA_[A-Z_]+)"', text)}
    assert {"ROTA_FLEET", "ROTA_STORE", "ROTA_UI"} <= read
    told = (await rota("--help")).out
    manual = (ROOT / "docs" / "operating.md").read_text()
    assert [name for name in sorted(read) if name not in told or name not in manual] == []


def test_help_of_rota_imports_nothing_heavy() -> None:
    """`rota --help` answers before Temporal's SDK could even be imported."""
    code = (
        "import sys; from workers.cli.main import run; run(['--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize("arguments", [["nonsense"], ["runs", "--nonsense"], ["run"]])
async def test_wrong_usage_ends_with_2_and_one_line(arguments: list[str]) -> None:
    """A typing mistake is told in one line that names the help to read."""
    ended = await rota(*arguments)
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert ended.err.startswith("error: ")
    assert len(ended.err.splitlines()) == 1
    assert "--help" in ended.err
