"""`rota import crontab`, as typed."""

import asyncio
import subprocess
from pathlib import Path

from activities.runtimes.command_launch import launch
from rota.runtime_specs.command import CommandSettings
from schedules.fleet import load_fleet
from tests.activities.runtimes.session_requests import session_request
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode

CRONTAB = r"""
MAILTO=ops@example.com
API_TOKEN="s3cret{0}"
# Backs up the ledger
5 2 * * 1-5 echo "$(pwd)" {a,b} 50\% ; cat%one%two
CRON_TZ=America/New_York
0 6 1,15 * MON cd /srv && ./report.py
"""


def crontab(folder: Path, text: str = CRONTAB) -> Path:
    """A file with `text`."""
    path = folder / "crontab.txt"
    path.write_text(text)
    return path


def written(folder: Path) -> dict[str, str]:
    """Text of each agent's file."""
    return {path.name: path.read_text() for path in folder.glob("agents/*")}


async def test_each_line_becomes_an_agent_that_validates(tmp_path: Path) -> None:
    """Named after its program, with its zone, its receiver kept as a comment, and no secret."""
    ended = await rota("import", "crontab", str(crontab(tmp_path)), "--fleet", str(tmp_path))
    assert ended.code == ExitCode.OK, ended.err
    agents = load_fleet(tmp_path).agents
    assert sorted(agents) == ["echo", "report"]
    report = agents["report"].spec
    assert report.schedule is not None
    assert report.schedule.cron == ("0 6 1,15 * *", "0 6 * * MON")
    assert report.schedule.timezone == "America/New_York"
    text = (tmp_path / "agents/echo.yaml").read_text()
    assert "# MAILTO=ops@example.com" in text
    assert "s3cret" not in text
    assert agents["echo"].spec.runtime.settings["env"] == {"API_TOKEN": "env:API_TOKEN"}
    assert "API_TOKEN" in ended.err


async def test_imported_command_does_what_cron_would(tmp_path: Path) -> None:
    """The shell gets the line itself: braces, percent signs, home folder, standard input."""
    await rota("import", "crontab", str(crontab(tmp_path)), "--fleet", str(tmp_path))
    block = load_fleet(tmp_path).agents["echo"].spec.runtime.settings
    settings = CommandSettings.model_validate(block)
    wanted = session_request(block, fleet=tmp_path)
    started = launch(settings, wanted, tmp_path, lambda reference: f"value of {reference}")
    ended = await asyncio.to_thread(
        subprocess.run,
        started.command,
        input=started.stdin,
        env=started.env | {"HOME": "/"},
        capture_output=True,
        check=True,
    )
    assert ended.stdout.decode() == "/ {a,b} 50%\none\ntwo\n"


async def test_second_import_changes_nothing(tmp_path: Path) -> None:
    """The same lines find their own files; a file that says something else is kept."""
    arguments = ("import", "crontab", str(crontab(tmp_path)), "--fleet", str(tmp_path))
    await rota(*arguments)
    before = written(tmp_path)
    assert (await rota(*arguments)).code == ExitCode.OK
    assert written(tmp_path) == before
    mine = tmp_path / "agents/echo.yaml"
    mine.write_text("# mine")
    ended = await rota(*arguments)
    assert ended.code == ExitCode.FAILED
    assert "says something else" in ended.err
    assert mine.read_text() == "# mine"


async def test_line_left_is_told_and_fails_the_command(tmp_path: Path) -> None:
    """The others are written; a program reads which were not, and why."""
    path = crontab(tmp_path, "@reboot x\nCRON_TZ=Mars/Base\n1 1 * * * y\nCRON_TZ=\n1 1 * * * z\n")
    ended = await rota("import", "crontab", str(path), "--fleet", str(tmp_path), "--json")
    assert ended.code == ExitCode.FAILED
    assert [left["what"] for left in ended.json["left"]] == ["line 1: @reboot x", "line 3: y"]
    assert "no time zone 'Mars/Base'" in ended.json["left"][1]["reason"]
    assert [agent["name"] for agent in ended.json["agents"]] == ["z"]


async def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It prints what it would write."""
    path = str(crontab(tmp_path))
    ended = await rota("import", "crontab", path, "--fleet", str(tmp_path), "--dry-run")
    assert "name: echo" in ended.out
    assert not (tmp_path / "agents").exists()


async def test_file_without_jobs_is_refused(tmp_path: Path) -> None:
    """Somebody gave the wrong file."""
    path = str(crontab(tmp_path, "# nothing\nX=1\n"))
    ended = await rota("import", "crontab", path, "--fleet", str(tmp_path))
    assert ended.code == ExitCode.WRONG
    assert "no line" in ended.err


async def test_secret_on_a_command_line_is_told_and_not_repeated(tmp_path: Path) -> None:
    """It stays in the command, which would not work without; what prints and describes has none."""
    text = "DB=postgres://u:hunter22@db/x\n1 1 * * * dump --password=hunter33 all\n"
    ended = await rota("import", "crontab", str(crontab(tmp_path, text)), "--fleet", str(tmp_path))
    assert ended.code == ExitCode.OK
    assert "hunter" not in ended.out + ended.err
    assert "move it to runtime.env" in ended.err
    spec = load_fleet(tmp_path).agents["dump"].spec
    assert spec.runtime.settings["env"] == {"DB": "env:DB"}
    assert "hunter" not in spec.description
    assert spec.runtime.settings["command"][-1].endswith("--password=hunter33 all")


async def test_line_added_above_leaves_the_others_their_files(tmp_path: Path) -> None:
    """Where a line stood is a comment: agents are neither refused nor renamed for it."""
    where = ("--fleet", str(tmp_path))
    await rota("import", "crontab", str(crontab(tmp_path, "1 1 * * * a\n1 1 * * * b\n")), *where)
    before = written(tmp_path)
    more = crontab(tmp_path, "# more\n2 2 * * * c\n\n1 1 * * * a\n1 1 * * * b\n")
    assert (await rota("import", "crontab", str(more), *where)).code == ExitCode.OK
    assert written(tmp_path) == {**before, "c.yaml": written(tmp_path)["c.yaml"]}


async def test_file_that_is_kept_takes_no_name_from_the_next(tmp_path: Path) -> None:
    """A second line of the same program finds the file that it was given at first."""
    arguments = ("--fleet", str(tmp_path), "--json")
    path = str(crontab(tmp_path, "1 1 * * * a 1\n1 1 * * * a 2\n"))
    await rota("import", "crontab", path, *arguments)
    (tmp_path / "agents/a.yaml").write_bytes(b"name: mine \xff\n")
    ended = await rota("import", "crontab", path, *arguments)
    assert [agent["name"] for agent in ended.json["agents"]] == ["a-2"]
    assert [left["what"] for left in ended.json["left"]] == ["line 1: a 1"]


async def test_bytes_that_are_no_text_leave_their_line(tmp_path: Path) -> None:
    """A command with another letter in place of the right one is worse than none."""
    path = tmp_path / "latin"
    path.write_bytes(b"\xef\xbb\xbf1 1 * * * a\n1 1 * * * rm /srv/Gr\xf6\xdfe\n")
    ended = await rota("import", "crontab", str(path), "--fleet", str(tmp_path), "--json")
    assert [agent["what"] for agent in ended.json["agents"]] == ["line 1: a"]
    assert "not UTF-8" in ended.json["left"][0]["reason"]
