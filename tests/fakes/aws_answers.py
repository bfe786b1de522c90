"""What a fake of AWS may answer: whole, in pieces, broken off, or not at all."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.aws_shapes import Call

EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True)
class Failure:
    """The service refuses or breaks."""

    status: int
    code: str
    message: str = "It failed."
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Whole:
    """An answer in one piece."""

    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    after: float = 0.0
    """Seconds before it."""


@dataclass(frozen=True)
class Pieces:
    """An answer in pieces."""

    pieces: tuple[bytes, ...]
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": EVENT_STREAM})
    after: float = 0.0
    between: float = 0.0
    cut: int | None = None
    """Break off after so many pieces."""
    how: Literal["eof", "drop", "reset", "silence"] = "eof"
    """`eof` ends the body as if it were whole: what a truncated event stream looks like."""


@dataclass(frozen=True)
class Hang:
    """Take the request and say nothing until released."""

    billed: bool = False
    """The work is done meanwhile."""


Delivery = Failure | Whole | Pieces | Hang
Response = Delivery | Callable[[Call], Delivery]
"""A response that depends on the request is a function of it."""


def json_answer(document: Any, after: float = 0.0) -> Whole:
    """An answer of JSON."""
    return Whole(json.dumps(document).encode(), after=after)
