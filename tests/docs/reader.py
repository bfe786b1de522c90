"""Whoever works through a page: types its commands, in order, and notes what does not fit."""

import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.docs.page_plans import LEFT_OUT, STAYS, Plan, days, with_days
from tests.docs.page_shell import Shell, shell
from tests.docs.ready_rota import ADDRESS
from tests.docs.typed_commands import Typed, missing_in, typed_in
from tests.house.repository import ROOT, name_of
from workers.devserver import temporal_binary

FIELD = """\
import json, sys
found = json.load(sys.stdin)
while not (isinstance(found, dict) and sys.argv[1] in found):
    found = found[0] if isinstance(found, list) else next(iter(found.values()))
print(found[sys.argv[1]])
"""
"""The program `field`: the first value of a name in the JSON that it is given."""

SQLITE = """\
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    for row in connection.execute(sys.argv[2]):
        print(*row, sep="|")
"""
"""The program `sqlite3`, as far as pages use it: not every machine has one."""
INSTEAD = "in place of the other"
"""What a page says of a program that stays: the same one is running, and is to be ended."""


@dataclass(frozen=True)
class Desk:
    """Where readers work: programs to be found, and variables."""

    folder: Path
    environ: Mapping[str, str]

    @classmethod
    def at(cls, folder: Path, ready_rota: Path, **environ: str) -> "Desk":
        """Set one up."""
        programs = folder / "bin"
        programs.mkdir(parents=True)
        (programs / "rota").symlink_to(ready_rota / "rota")
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "temporal").symlink_to(temporal_binary())
        (programs / "field").write_text(f"#!{sys.executable} -ISs\n{FIELD}")
        (programs / "sqlite3").write_text(f"#!{sys.executable} -ISs\n{SQLITE}")
        (programs / "crontab").write_text(
            "#!/bin/sh\necho '30 2 * * * /usr/bin/backup --all'\necho '@daily /usr/bin/sweep'\n"
        )
        for program in programs.iterdir():
            if not program.is_symlink():
                program.chmod(0o755)
        search_path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
        home = folder / "home"
        home.mkdir()
        wide = {"COLUMNS": "250", "LANG": "C.UTF-8", "HOME": str(home), "USER": "ann"}
        git = {"GIT_CONFIG_GLOBAL": "/dev/null", "EMAIL": "ann@example.com"}
        ready = {ADDRESS: str(ready_rota.parent / "socket"), "PATH": search_path}
        return cls(folder, {**wide, **git, **ready, **environ})

    def told(self, **environ: str) -> "Desk":
        """The same with more variables."""
        return replace(self, environ={**self.environ, **environ})

    @asynccontextmanager
    async def shell(self, folder: Path, **environ: str) -> AsyncIterator[Shell]:
        """Open a shell in a folder."""
        steps = self.folder / "steps" / str(len([*(self.folder.glob("steps/*"))]))
        steps.mkdir(parents=True)
        async with shell(folder, steps, {**self.environ, **environ}) as opened:
            yield opened


def begins(text: str, table: Mapping[str, object]) -> str | None:
    """The longest beginning in a table that a command has."""
    fitting = [each for each in table if text.startswith(each)]
    return max(fitting, key=len, default=None)


async def work_through(
    page: Path, plan: Plan, at: Shell, values: Mapping[str, str], known: set[str] | None = None
) -> list[str]:
    """Type what a page shows, but what is known already; return what did not do as it says."""
    wrong: list[str] = []
    prepared: set[str] = set()
    for command in typed_in(page):
        if begins(command.text, {**LEFT_OUT, **plan.leaves}) or command.text in (known or ()):
            continue
        first = begins(command.text, plan.before)
        if first and first not in prepared:
            prepared.add(first)
            ended = await at.type(await filled(plan.before[first], values, at))
            if ended.code:
                wrong.append(f"{command.place}: before: {ended.code}: {ended.err}{ended.out}")
        try:
            wrong += await try_out(command, plan, at, values)
        except TimeoutError:
            return [*wrong, f"{command.place}: {command.text}: does not end"]
        if known is not None:
            known.add(command.text)
    return [*wrong, *(f"{name_of(page)}: {each}" for each in await at.interrupt())]


async def try_out(command: Typed, plan: Plan, at: Shell, values: Mapping[str, str]) -> list[str]:
    """Type one command, and compare."""
    text = await filled(command.text, {**plan.values, **values}, at)
    place = f"{command.place}: {text}"
    stays = begins(command.text, STAYS)
    if stays:
        plain = re.sub(r"\s+#.*", "", text).strip()
        if INSTEAD in command.text:
            await at.interrupt(stays)
        try:
            ended = await at.leave_running(plain, STAYS[stays])
        except AssertionError as error:
            return [f"{place}: {error}"]
    else:
        ended = await at.type(text)
    expected = next((code for begin, code in plan.ends.items() if text.startswith(begin)), 0)
    wrong: list[str] = []
    if ended.code != expected or "Traceback" in ended.err:
        wrong.append(f"{place}: ended with {ended.code}: {ended.err[-1500:]}{ended.out[-1500:]}")
    missing = missing_in(ended.out, command.printed)
    return wrong + [f"{place}: did not print {line!r} but:\n{ended.out}" for line in missing]


async def filled(text: str, values: Mapping[str, str], at: Shell) -> str:
    """Put in what stands for what the page writes."""
    for written, meant in values.items():
        if written in text and "$" in meant:
            meant = (await at.type(f'printf %s "{meant}"')).out
        if written not in days():
            text = text.replace(written, meant)
    return with_days(text)


def example_at(folder: Path, name: str) -> None:
    """Lay out an example as a checkout has it, with the data of its neighbour."""
    for each in {name, "reconciliation"}:
        shutil.copytree(
            ROOT / "examples" / each,
            folder / "examples" / each,
            ignore=shutil.ignore_patterns(".rota", "state", "__pycache__", "repositories"),
        )
