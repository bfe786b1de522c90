"""Every command that the documentation shows is typed here, and does what its page says.

In order, in a shell of the page's own, on a real server with real workers. What a page needs, and
the few commands that nobody can type here, stand in `page_plans`.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.office import open_office
from tests.docs.page_plans import EXAMPLES, LAST, LEFT_OUT, OFFICE, README, STAYS, Plan, days
from tests.docs.reader import Desk, begins, example_at, work_through
from tests.docs.ready_rota import ready_rota
from tests.docs.typed_commands import Typed, typed_in, unmarked_in
from tests.house.documentation import pages
from tests.house.repository import ROOT, name_of
from workers.devserver import free_port

FRONT = ROOT / "README.md"
IN_OFFICE = [page for page in pages() if page != FRONT]
EXAMPLE_PAGES = {name: ROOT / "examples" / name / "README.md" for name in EXAMPLES}
ALL = [FRONT, *IN_OFFICE, *EXAMPLE_PAGES.values()]
SLOW = {"code-review": pytest.mark.soak, "data-quality": pytest.mark.soak}
"""Played whole in tests/examples, too."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with a `rota` that starts at once."""
    with ready_rota(tmp_path_factory.mktemp("ready")) as folder:
        yield folder


@pytest.mark.server
@pytest.mark.timeout(300)
async def test_commands_of_the_pages_do_what_these_say(ready: Path, tmp_path: Path) -> None:
    """All of docs/, in one office; what one runbook has typed the next need not type again."""
    wrong: list[str] = []
    known: set[str] = set()
    async with open_office(Desk.at(tmp_path / "desk", ready), tmp_path / "my-fleet") as desk:
        for page in sorted(IN_OFFICE, key=lambda page: name_of(page) in LAST):
            folder = tmp_path / "pages" / page.stem
            folder.mkdir(parents=True)
            (folder / "my-fleet").symlink_to(tmp_path / "my-fleet")
            plan = OFFICE.get(name_of(page), Plan())
            again = known if page.parent.name == "runbooks" else set[str]()
            async with desk.shell(folder) as at:
                wrong += await work_through(page, plan, at, days(), again)
    assert not wrong, "\n".join(wrong)


@pytest.mark.server
async def test_commands_of_the_front_page_take_a_reader_from_nothing_to_a_fleet(
    ready: Path, tmp_path: Path
) -> None:
    """`rota init`, `rota dev`, and Temporal's own command line on what these have made."""
    async with Desk.at(tmp_path / "desk", ready, **ports()).shell(tmp_path) as at:
        wrong = await work_through(FRONT, README, at, days())
    assert not wrong, "\n".join(wrong)


@pytest.mark.server
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=SLOW.get(name, ())) for name in EXAMPLES]
)
async def test_commands_of_an_example_play_it(ready: Path, tmp_path: Path, name: str) -> None:
    """As its README tells, from its `rota dev` to its end."""
    example_at(tmp_path, name)
    async with Desk.at(tmp_path / "desk", ready, **ports()).shell(tmp_path) as at:
        wrong = await work_through(EXAMPLE_PAGES[name], EXAMPLES[name], at, {})
    assert not wrong, "\n".join(wrong)


def ports() -> dict[str, str]:
    """Where a `rota dev` of the page's own listens."""
    port, ui, other = free_port(), free_port(), free_port()
    address = f"127.0.0.1:{port}"
    return {
        "PORT": str(port),
        "UI_PORT": str(ui),
        "OTHER_PORT": str(other),
        "TEMPORAL_ADDRESS": address,
    }


def every(page: Path) -> list[Typed]:
    """A page's commands."""
    return list(typed_in(page))


def test_no_block_is_for_a_shell_without_saying_so() -> None:
    """A block without a language is not tried out: none begins like a command."""
    assert [line for page in ALL for line in unmarked_in(page)] == []
    assert sum(len(every(page)) for page in ALL) > 180


def test_readme_of_each_example_is_worked_through() -> None:
    """A new one cannot be forgotten."""
    there = {path.parent.name for path in (ROOT / "examples").glob("*/README.md")}
    assert there == set(EXAMPLES)


def test_plan_names_nothing_that_no_page_shows() -> None:
    """Neither a page, nor a command, nor a value, nor a reason to leave something out is stale."""
    plans = {ROOT / name: plan for name, plan in OFFICE.items()}
    plans |= {FRONT: README, **{EXAMPLE_PAGES[name]: plan for name, plan in EXAMPLES.items()}}
    stale: list[str] = []
    for page, plan in plans.items():
        texts = [each.text for each in every(page)]
        shown = "\n".join(texts)
        stale += [f"{page}: {value}" for value in plan.values if value not in shown]
        stale += [
            f"{page}: {begin}"
            for begin in (*plan.before, *plan.ends, *plan.leaves)
            if not any(text.startswith(begin) for text in texts)
        ]
    typed = [each.text for page in ALL for each in every(page)]
    for begin in (*LEFT_OUT, *STAYS):
        stale += [] if any(text.startswith(begin) for text in typed) else [begin]
    assert not stale


def test_command_that_is_left_out_is_sound_as_far_as_can_be_seen() -> None:
    """A shell takes it, its make target exists, and so does each file that it names."""
    left = [each for page in ALL for each in every(page) if begins(each.text, LEFT_OUT)]
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wrong: list[str] = []
    for each in left:
        words = re.sub(r"\s+#.*", "", each.text).split()
        checked = subprocess.run(["bash", "-n", "-c", each.text], check=False)
        if checked.returncode:
            wrong.append(f"{each.place}: no shell takes {each.text!r}")
        if words[0] == "make":
            wrong += [f"{each.place}: {w}" for w in words[1:] if w.isalpha() and w not in targets]
        files = [words[place + 1] for place, word in enumerate(words) if word == "--file"]
        wrong += [f"{each.place}: {file}" for file in files if not (ROOT / file).is_file()]
    assert len(left) > 10
    assert not wrong
