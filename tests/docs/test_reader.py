"""Whoever works through a page notices what does not fit, and types nothing that is not there."""

from pathlib import Path

import pytest

from tests.docs import reader
from tests.docs.page_plans import Plan
from tests.docs.reader import Desk, work_through
from tests.docs.typed_commands import missing_in, typed_in, unmarked_in

PAGE = """\
```console
$ cd there                          # made before
$ name=world
$ alias greet='echo hello'
$ greet $name | \\
    tr a-z A-Z
HELLO WORLD
$ echo 17 apples
12 apples
$ echo nothing
something
$ ls nowhere
$ exit_with three
```

```sh
echo ten >file
cat file
```

```
rota apply
```
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with mistakes."""
    monkeypatch.setattr(reader, "name_of", lambda path: path.name)
    monkeypatch.setattr("tests.house.documentation.name_of", lambda path: path.name)
    written = tmp_path / "page.md"
    written.write_text(PAGE)
    return written


async def test_what_a_page_gets_wrong_is_told_with_its_place(page: Path, tmp_path: Path) -> None:
    """Another output, and another exit code than planned; what one command leaves the next has."""
    plan = Plan({"cd there": "mkdir there"}, {"exit_with": "(exit", "three": "3)"}, {"(exit": 3})
    async with Desk.at(tmp_path / "desk", tmp_path).shell(tmp_path) as at:
        wrong = await work_through(page, plan, at, {})
    assert len(wrong) == 2
    assert wrong[0].startswith("page.md:10: echo nothing: did not print 'something'")
    assert wrong[1].startswith("page.md:12: ls nowhere: ended with 2: ")
    assert (tmp_path / "there" / "file").read_text() == "ten\n"


def test_commands_are_told_from_what_they_print(page: Path) -> None:
    """Prompts tell them apart; a line that goes on belongs to the one before."""
    typed = list(typed_in(page))
    assert [each.text for each in typed[3:5]] == [
        "greet $name | \\\n    tr a-z A-Z",
        "echo 17 apples",
    ]
    assert [each.printed for each in typed[3:5]] == [("HELLO WORLD",), ("12 apples",)]
    assert [each.text for each in typed[-2:]] == ["echo ten >file", "cat file"]


def test_block_for_a_shell_that_does_not_say_so_is_told(page: Path) -> None:
    """No language, or prompts that are missing: such a line is never tried out."""
    assert unmarked_in(page) == ["page.md:22: rota apply"]
    page.write_text("```console\nrota runs\n```\n```\nrota runs: none\nrota/  a folder\n```\n")
    assert unmarked_in(page) == ["page.md:2: rota runs"]


@pytest.mark.parametrize(
    ("printed", "expected", "missing"),
    [
        ("a 1\nb 2\n", ("a 7", "b 300"), []),
        ("b 2\na 1\n", ("a 7", "b 300"), ["b 300"]),
        ("failed: no way in, 3s\n", ("failed: ... 12s",), []),
        ("failed: no way in, 3s\n", ("done: ... 12s",), ["done: ... 12s"]),
        ("RUN    STATUS\nx      y\n", ("RUN STATUS", "z w"), []),
        ("RUN    STATE\nx      y\n", ("RUN STATUS", "z w"), ["RUN STATUS"]),
    ],
)
def test_what_a_page_shows_is_compared_by_its_shape(
    printed: str, expected: tuple[str, ...], missing: list[str]
) -> None:
    """Words in their order; other figures will do, and of a table its columns."""
    assert missing_in(printed, expected) == missing
