"""What is wrong with a declaration, with the place: file, line and key.

Loading collects every problem before it gives up, so that one look at the output mends
the whole file.
"""

from collections.abc import Iterable, Sequence

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document: `("tools", 0)`."""


def format_key(path: Sequence[str | int]) -> str:
    """Print a key path as people write it: `schedule.cron`, `tools[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


class DeclarationError(ValueError):
    """One problem, printed as `agents/x.yaml:12: schedule.cron: <what, and how to mend it>`."""

    def __init__(self, source: str, line: int, key: str, message: str) -> None:
        self.source = source
        """The file, relative to the fleet's folder."""
        self.line = line
        """From 1; 0 where the problem has no line."""
        self.key = key
        self.message = " ".join(message.split())
        super().__init__(source, line, key, message)

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class DeclarationErrors(ValueError):
    """Every problem found, by file and line, one line of text each."""

    def __init__(self, errors: Iterable[DeclarationError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda e: (e.source, e.line)))
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))
