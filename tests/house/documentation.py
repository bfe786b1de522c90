"""The documentation as tests read it: its blocks of code and its tables, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.repository import ROOT, name_of

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    place: str
    """File and line of its first line, as a reader of a failure message wants it."""
    language: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table: its heading, and its rows by heading."""

    place: str
    heading: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def pages() -> list[Path]:
    """README.md and everything below docs/, sorted."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """Yield the page's blocks in one of the languages."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        if match[1] in languages:
            line = text.count("\n", 0, match.start(2)) + 1
            yield Block(f"{name_of(page)}:{line}", match[1], match[2])


def tables(page: Path) -> Iterator[Table]:
    """Yield the page's tables."""
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        if not RULE.fullmatch(line):
            continue
        heading = cells(lines[number - 1])
        rows: list[dict[str, str]] = []
        for row in lines[number + 1 :]:
            if not row.startswith("|"):
                break
            rows.append(dict(zip(heading, cells(row), strict=True)))
        yield Table(f"{name_of(page)}:{number}", heading, tuple(rows))


def cells(row: str) -> tuple[str, ...]:
    """Take a row of a table apart."""
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1])


def quoted(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)
