"""Commands of Temporal's own command line that the documentation shows are its own."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from tests.house.documentation import pages
from tests.house.documented_commands import commands_in, words_of
from workers.devserver import temporal_binary


def refusal_of(line: str) -> str:
    """What `temporal` says of a line, asked for help in the end; empty if it takes it."""
    words = words_of(line)[1:]
    asked = subprocess.run(
        [temporal_binary(), *words, "--help"], capture_output=True, check=False, text=True
    )
    path = " ".join(["temporal", *takewhile(lambda word: not word.startswith("-"), words)])
    known = asked.returncode == 0 and f"{path} [" in asked.stdout
    return "" if known else asked.stderr or f"there is no '{path}'"


def test_commands_of_temporal_are_taken_by_it() -> None:
    """Each exists in the version that is installed, with the options that it is shown with."""
    found = [each for page in pages() for each in commands_in(page)]
    lines = [each for each in found if each.typed and each.line.startswith("temporal ")]
    assert len(lines) > 8
    with ThreadPoolExecutor(4) as pool:
        said = pool.map(lambda each: refusal_of(each.line), lines)
    assert not [(each, words) for each, words in zip(lines, said, strict=True) if words]


def test_command_that_temporal_does_not_have_is_told() -> None:
    """Neither another command nor another option passes."""
    assert refusal_of("temporal schedule lst")
    assert "nonsense" in refusal_of("temporal schedule list --nonsense 3")
