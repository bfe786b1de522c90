"""What the lint says: about a declaration, then with its place in the files."""

from dataclasses import dataclass
from typing import Literal

from schedules.declaration_errors import KeyPath, format_key
from schedules.declared import Declaration, DeclaredTeam

Level = Literal["error", "warning", "note"]
"""An error would do harm or nothing; a warning is a surprise worth a look; a note tells of
something that lies outside the files."""


@dataclass(frozen=True)
class Finding:
    """One remark, with its place."""

    level: Level
    source: str
    """The file, relative to the fleet's folder."""
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}: {self.level}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


@dataclass(frozen=True)
class Remark:
    """A finding about one declaration, before it has a file and a line."""

    level: Level
    path: KeyPath
    message: str

    def at(self, declaration: Declaration | DeclaredTeam) -> Finding:
        """Return the remark with its place."""
        return Finding(
            level=self.level,
            source=declaration.source,
            line=declaration.locate(self.path),
            key=format_key(self.path),
            message=self.message,
        )
