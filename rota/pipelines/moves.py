"""What a look at a pipeline's nodes comes to: what its workflow is to do now.

Pure records; `rota.pipelines.rules` decides them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Start:
    """Start a run."""

    node: str
    index: int
    item: int | None
    """The item's number; None for a node without `for_each`."""
    value: Any
    """The item."""
    attempt: int
    """1 for the first run in this place."""
    input: Mapping[str, Any]


@dataclass(frozen=True)
class Cancel:
    """Cancel the run in a place and wait for its end."""

    node: str
    index: int


@dataclass(frozen=True)
class Moves:
    """What to do now."""

    starts: tuple[Start, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    loads: tuple[str, ...] = ()
    """Digests of results to read before asking again."""
    wake: datetime | None = None
    """When to ask again though nothing has ended."""
    more: bool = False
    """True if more runs could start than may in one go."""
    finished: bool = False
    """True if every node has ended."""
