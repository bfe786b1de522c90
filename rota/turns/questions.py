"""What a run asks a person, and the person's answer.

A question is asked by a tool (an MCP server that needs input) or by a provider's session (may
this tool run?). The run waits, visibly and durably, and that time is not run time.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from rota.model import Declared, Record, canonical_json

ANSWER_LIMIT = 64 * 1024
"""Bytes of JSON an answer may have: it travels in history."""

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


class QuestionKind(StrEnum):
    """What sort of answer is wanted."""

    INPUT = "input"
    """A value that fits `schema`."""
    CONFIRM = "confirm"
    """Yes or no."""


class Question(Record):
    """One open question of a run."""

    id: str = ""
    """Unique within the run, short enough to type: `q1`, `q2`. Given by the run as it asks."""
    asker: str = ""
    """The tool or runtime that asks: `mcp:warehouse/query`, `claude-managed`. Of a
    tool's question it is filled in."""
    kind: QuestionKind
    text: str
    """For people."""
    json_schema: dict[str, Any] | None = None
    """What an answer must fit, for `input`; None accepts any JSON."""
    state: str | None = None
    """Digest of what the asker needs back beside the answer."""

    @property
    def waiting(self) -> str:
        """What the run waits for, in one line."""
        return f"answer to {self.id} from {self.asker}: {' '.join(self.text.split())}"


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

    def says_the_same_as(self, other: "QuestionAnswer") -> bool:
        """True if both decide alike, whoever says so."""
        # As JSON: to Python, true is 1.
        mine, theirs = canonical_json(self.value), canonical_json(other.value)
        return self.declined == other.declined and mine == theirs

    def shown(self, question: Question) -> str:
        """The answer in one line for people; its value stays out, which may be long."""
        by = f" by {self.by}" if self.by else ""
        note = f": {self.note}" if self.note else ""
        if self.declined:
            return f"declined{by}{note}"
        if question.kind is QuestionKind.CONFIRM:
            return f"{'yes' if self.value else 'no'}{by}{note}"
        return f"answered{by}{note}"


class OpenQuestion(Record):
    """A question that waits, as the run's query `status` tells it under `questions`."""

    question: Question
    since: datetime
    until: datetime
    """Unanswered until then, it counts as declined."""


def check_answer(question: Question, answer: QuestionAnswer) -> str:
    """Say why `answer` cannot be one to `question`, in one line; empty if it can.

    Of a schema only the outermost type is looked at, which needs no library: whoever made
    the schema checks the rest, and asks again.
    """
    try:
        size = len(canonical_json(answer.value))
    except ValueError as error:
        return f"{question.id}: the answer is no JSON: {error}"
    if size > ANSWER_LIMIT:
        return f"{question.id}: the answer has {size} bytes; at most {ANSWER_LIMIT} may travel"
    if answer.declined:
        return ""
    if question.kind is QuestionKind.CONFIRM:
        is_one = isinstance(answer.value, bool)
        return "" if is_one else f"{question.id} asks for a yes or no: answer true or false"
    wanted = (question.json_schema or {}).get("type")
    names: list[Any] = [wanted] if isinstance(wanted, str) else wanted or []
    if not names or any(_is_a(answer.value, name) for name in names):
        return ""
    return f"{question.id} asks for {' or '.join(map(str, names))}: give JSON of that type"


def _is_a(value: Any, name: Any) -> bool:
    types = _TYPES.get(name) if isinstance(name, str) else None
    if types is None:
        return True  # no type that we know: theirs to judge
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, float) and name == "integer":
        return value.is_integer()
    return isinstance(value, types)
