"""What a run asks a person, and the person's answer.

A question is asked by a tool (an MCP server that needs input) or by a provider's session (may
this tool run?). The run waits, visibly and durably, and that time is not run time.
"""

from enum import StrEnum
from typing import Any

from rota.model import Declared, Record


class QuestionKind(StrEnum):
    """What sort of answer is wanted."""

    INPUT = "input"
    """A value that fits `schema`."""
    CONFIRM = "confirm"
    """Yes or no."""


class Question(Record):
    """One open question of a run."""

    id: str
    """Unique within the run, short enough to type: `q1`, `q2`."""
    asker: str
    """The tool or runtime that asks: `mcp:warehouse/query`, `claude-managed`."""
    kind: QuestionKind
    text: str
    """For people."""
    json_schema: dict[str, Any] | None = None
    """What an answer must fit, for `input`; None accepts any JSON."""
    state: str | None = None
    """Digest of what the asker needs back beside the answer."""


class QuestionAnswer(Declared):
    """Argument of the run's update `answer`: plain JSON from any SDK."""

    question: str
    """`Question.id`."""
    value: Any = None
    """The input, or true or false."""
    declined: bool = False
    """The person refuses to answer: the asker is told so."""
    by: str = ""
    """Who answered."""
    note: str = ""
