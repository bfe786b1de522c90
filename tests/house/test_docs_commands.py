"""Commands that the documentation shows can be typed: click itself takes them."""

from pathlib import Path

import pytest

from tests.house.documentation import pages
from tests.house.documented_commands import (
    Command,
    commands_in,
    refusal_of,
    typed_lines,
    unknown_in,
)
from tests.house.repository import name_of

PAGES = pages()


def wrong(command: Command) -> str:
    """What is wrong with a command of Rota; empty if nothing is."""
    if command.line.startswith("temporal "):
        return ""
    return refusal_of(command.line) if command.typed else unknown_in(command.line)


@pytest.mark.parametrize("page", PAGES, ids=[name_of(page) for page in PAGES])
def test_commands_of_a_page_are_taken_by_the_command_line(page: Path) -> None:
    """Each exists, with the options and arguments that it is shown with."""
    found = [(each.place, each.line, said) for each in commands_in(page) if (said := wrong(each))]
    assert not found


def test_commands_are_found_in_blocks_and_in_text() -> None:
    """The test above is about something: hundreds of them."""
    typed = [each for page in PAGES for each in commands_in(page) if each.typed]
    forms = [each for page in PAGES for each in commands_in(page) if not each.typed]
    assert len(typed) > 60
    assert len(forms) > 200


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rota freez report", "No such command 'freez'"),
        ("rota freeze report --reson 'quarter end'", "No such option '--reson'"),
        ("rota budget raise report --usd much --reason x", "much"),
        ("rota run", "Missing argument"),
        ("rota run report another third", "third"),
        ("rota audit", "alone is no command"),
        ("rota freeze report --reason 'quarter end", "No closing quotation"),
        ("rota backtest report --last 20 -o report.html | less", ""),
        ("rota validate --fleet no-such-folder   # a remark", ""),
    ],
)
def test_line_that_click_would_refuse_is_told(line: str, said: str) -> None:
    """Wrong commands, options, values and numbers of arguments; files need not be there."""
    refusal = refusal_of(line)
    assert said in refusal
    assert bool(said) == bool(refusal)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("rota freeze AGENT\\|--team T\\|--all", ""),
        ("rota audit show\\|export\\|verify\\|key", ""),
        ("rota replay [--since … \\| FILE…]", ""),
        ("rota audit show\\|exprot", "no command 'exprot'"),
        ("rota freeze AGENT\\|--teem T", "no --teem"),
        ("rota nothing", "no command 'nothing'"),
    ],
)
def test_form_with_what_does_not_exist_is_told(form: str, said: str) -> None:
    """Alternatives are looked at one by one."""
    assert said in unknown_in(form)
    assert bool(said) == bool(unknown_in(form))


def test_lines_of_a_block_are_told_from_what_is_printed() -> None:
    """Behind prompts, and whole where a line goes on in the next."""
    block = "$ rota runs\\\n    --json\nrota runs into trouble\n$ ls | rota import crontab -\n"
    assert [line for _, line in typed_lines(block)] == ["rota runs--json", "rota import crontab -"]
    assert [line for _, line in typed_lines("rota apply   # now\nls\n")] == ["rota apply   # now"]
