"""Commands of a page as a reader types them, line by line, with what the page says they print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.documentation import Block, blocks

SHELLS = ("sh", "bash", "console")
"""Languages of blocks that are typed."""
OTHERS = ("", "text")
"""Languages of blocks that are read."""
PROMPT = "$ "
STARTS = re.compile(
    r"(export |cd |(rota|temporal|make|pip|pipx|python3?|git|npm|docker|kubectl|helm|curl) "
    r"(?!\S+/ )[a-z-])"
)
"""How a line begins that is meant for a shell."""
PRINTED = re.compile(r"rota [a-z]+: |rota/ ")


@dataclass(frozen=True)
class Typed:
    """One command."""

    place: str
    text: str
    """As it stands, remark and continued lines included."""
    printed: tuple[str, ...] = ()
    """What the page shows below it."""


def typed_in(page: Path) -> Iterator[Typed]:
    """Yield a page's commands in their order. A block that is a script is one command."""
    for block in blocks(page, *SHELLS):
        if block.text.startswith("#!"):
            yield Typed(block.place, block.text)
        else:
            yield from _lines_of(block)


def _lines_of(block: Block) -> Iterator[Typed]:
    name, _, first = block.place.rpartition(":")
    lines = block.text.splitlines()
    number = 0
    while number < len(lines):
        begun = number
        if not lines[number].strip():
            number += 1
            continue
        while lines[number].endswith("\\"):
            number += 1
        number += 1
        text = "\n".join(lines[begun:number])
        printed: list[str] = []
        if block.language == "console":
            while number < len(lines) and lines[number] and not lines[number].startswith(PROMPT):
                printed.append(lines[number])
                number += 1
        yield Typed(f"{name}:{int(first) + begun}", text.removeprefix(PROMPT), tuple(printed))


def unmarked_in(page: Path) -> list[str]:
    """Lines that are meant for a shell in blocks that do not say so: nobody would try them."""
    found: list[str] = []
    for block in blocks(page, *OTHERS, "console"):
        if block.text.startswith(PROMPT):
            continue
        name, _, first = block.place.rpartition(":")
        found += [
            f"{name}:{int(first) + number}: {line}"
            for number, line in enumerate(block.text.splitlines())
            if STARTS.match(line) and not PRINTED.match(line)
        ]
    return found


def missing_in(printed: str, expected: tuple[str, ...]) -> list[str]:
    """Lines that a page shows and a command did not print, in that order.

    Figures may be others, and spaces; `...` and `…` stand for anything. Of a table, which begins
    with its columns in capitals, the columns count.
    """
    missing: list[str] = []
    left = [" ".join(each.split()) for each in printed.splitlines()]
    for line in _shape(expected):
        pattern = re.compile(_pattern(line))
        found = next((place for place, each in enumerate(left) if pattern.fullmatch(each)), None)
        if found is None:
            missing.append(line)
        else:
            del left[: found + 1]
    return missing


def _shape(expected: tuple[str, ...]) -> Iterator[str]:
    for line in expected:
        yield line
        if re.fullmatch(r"[A-Z]+(  ?[A-Z]+| {2,})+", line.strip()):
            return


def _pattern(line: str) -> str:
    parts = re.split(r"(\d[\d.,]*|\.\.\.|…)", " ".join(line.split()))
    kinds = {"...": ".*", "…": ".*"}
    return "".join(
        kinds.get(part, r"\d[\d.,]*" if part[:1].isdigit() else re.escape(part)) for part in parts
    )
