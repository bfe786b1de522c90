"""What may be an answer to a question."""

from typing import Any

import pytest

from rota.turns.questions import ANSWER_LIMIT, Question, QuestionAnswer, QuestionKind, check_answer


def question(kind: str = "input", schema: dict[str, Any] | None = None) -> Question:
    """Question `q1`."""
    return Question(
        id="q1", asker="a", kind=QuestionKind(kind), text="Which\nregion?", json_schema=schema
    )


@pytest.mark.parametrize(
    ("kind", "schema", "value", "fits"),
    [
        ("confirm", None, True, True),
        ("confirm", None, False, True),
        ("confirm", None, 1, False),
        ("confirm", None, "yes", False),
        ("confirm", None, None, False),
        ("input", None, None, True),
        ("input", {"type": "object"}, {}, True),
        ("input", {"type": "object"}, [], False),
        ("input", {"type": "string"}, "", True),
        ("input", {"type": "string"}, 3, False),
        ("input", {"type": "integer"}, 3, True),
        ("input", {"type": "integer"}, 3.0, True),
        ("input", {"type": "integer"}, 3.5, False),
        ("input", {"type": "integer"}, True, False),
        ("input", {"type": "number"}, 3.5, True),
        ("input", {"type": "number"}, False, False),
        ("input", {"type": ["string", "null"]}, None, True),
        ("input", {"type": ["string", "null"]}, 1, False),
        ("input", {"type": "of the future"}, 1, True),
        ("input", {"enum": ["a"]}, "b", True),
        ("input", None, float("inf"), False),
        ("input", None, "x" * ANSWER_LIMIT, False),
    ],
)
def test_answer_is_checked_as_far_as_no_library_is_needed(
    kind: str, schema: dict[str, Any] | None, value: Any, fits: bool
) -> None:
    """The kind and the outermost type decide; a schema's rest is for whoever made it."""
    problem = check_answer(question(kind, schema), QuestionAnswer(question="q1", value=value))
    assert (problem == "") is fits
    assert "\n" not in problem


def test_refusal_to_answer_fits_every_question() -> None:
    """A person may always decline."""
    declined = QuestionAnswer(question="q1", declined=True)
    for asked in (question("confirm"), question(schema={"type": "object"})):
        assert check_answer(asked, declined) == ""


def test_answers_are_the_same_whoever_gives_them() -> None:
    """What counts is the decision: true is not 1, and a note changes nothing."""
    yes = QuestionAnswer(question="q1", value=True, by="ann", note="fine")
    assert yes.says_the_same_as(QuestionAnswer(question="q1", value=True))
    assert not yes.says_the_same_as(QuestionAnswer(question="q1", value=1))
    assert not yes.says_the_same_as(QuestionAnswer(question="q1", value=True, declined=True))


def test_question_and_answer_are_told_in_one_line() -> None:
    """What people read of a wait, and of its end."""
    assert question().waiting == "answer to q1 from a: Which region?"
    yes = QuestionAnswer(question="q1", value=True, by="ann", note="fine")
    assert yes.shown(question("confirm")) == "yes by ann: fine"
    assert yes.model_copy(update={"value": False}).shown(question("confirm")) == "no by ann: fine"
    assert QuestionAnswer(question="q1", value={"a": 1}).shown(question()) == "answered"
    assert QuestionAnswer(question="q1", declined=True).shown(question()) == "declined"
