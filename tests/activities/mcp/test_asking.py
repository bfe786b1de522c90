"""From a server's wish for input to a question, and from its answer back. Pure."""

from typing import Any

import mcp_types as types
import pytest

from activities.mcp import asking
from activities.mcp.asking import Pending, Unanswerable
from rota.turns.questions import QuestionAnswer, QuestionKind

REGION = {
    "type": "object",
    "properties": {"region": {"type": "string", "enum": ["north", "south"]}},
    "required": ["region"],
}


def form(message: str, schema: dict[str, Any]) -> types.ElicitRequest:
    """A request for a form."""
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


WHERE = form("Where to?", REGION)
SURE = form("Really?", {"type": "object", "properties": {}})
VISIT = types.ElicitRequest(
    params=types.ElicitRequestURLParams(message="Log in", url="https://example.com/login")
)


def kept(**requests: types.InputRequest) -> Pending:
    """What is kept of a result, as it comes back from the store."""
    result = types.InputRequiredResult(input_requests=requests, request_state="opaque")
    return Pending.model_validate_json(asking.pending(result).model_dump_json())


def answer(value: Any = None, *, declined: bool = False) -> QuestionAnswer:
    """An answer."""
    return QuestionAnswer(question="q1", value=value, declined=declined)


@pytest.mark.parametrize(
    ("request_", "value", "action", "content"),
    [
        (WHERE, {"region": "north"}, "accept", {"region": "north"}),
        (SURE, True, "accept", None),
        (SURE, False, "decline", None),
        (VISIT, True, "accept", None),
        (VISIT, False, "decline", None),
    ],
)
def test_single_request_is_asked_as_it_is(
    request_: types.InputRequest, value: Any, action: str, content: Any
) -> None:
    """A form takes its fields, anything else a yes or no; the state goes back untouched."""
    waiting = kept(a=request_)
    question = asking.question(waiting)
    given = asking.responses(waiting, answer(value))["a"]
    assert waiting.state == "opaque"
    assert (question.kind is QuestionKind.INPUT) is (request_ is WHERE)
    assert isinstance(given, types.ElicitResult)
    assert (given.action, given.content) == (action, content)


def test_several_requests_become_one_form() -> None:
    """One answer for all: each under the server's own key."""
    waiting = kept(where=WHERE, sure=SURE)
    question = asking.question(waiting)
    value = {"where": {"region": "south"}, "sure": True}
    given = asking.responses(waiting, answer(value))
    assert question.text == "where: Where to?; sure: Really?"
    assert asking.problem_of(waiting, answer(value)) == ""
    assert "'sure' is a required property" in asking.problem_of(
        waiting, answer({"where": {"region": "south"}})
    )
    assert {key: each.action for key, each in given.items()} == {
        "where": "accept",
        "sure": "accept",
    }


def test_refusal_is_told_for_every_request() -> None:
    """Whoever declines has answered nothing."""
    given = asking.responses(kept(where=WHERE, visit=VISIT), answer(declined=True))
    assert [each.action for each in given.values()] == ["decline", "decline"]


def test_answer_that_does_not_fit_is_asked_again_with_its_problem() -> None:
    """The question itself says what was wrong."""
    waiting = kept(where=WHERE)
    problem = asking.problem_of(waiting, answer({"region": "west"}))
    again = asking.question(waiting, problem)
    assert again.text.startswith("Where to? (the last answer did not fit: region: 'west'")
    assert again.json_schema == REGION


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (types.ListRootsRequest(), "it asks for roots/list"),
        (
            types.CreateMessageRequest(
                params=types.CreateMessageRequestParams(messages=[], max_tokens=1)
            ),
            "it asks for sampling/createMessage",
        ),
        (form("?", {"type": "object", "properties": {"a": {"type": "no such"}}}), "schema"),
    ],
)
def test_wish_that_no_person_can_fulfil_is_told(request_: types.InputRequest, text: str) -> None:
    """Servers get neither a model nor the worker's files."""
    with pytest.raises(Unanswerable, match=text):
        asking.question(kept(a=request_))
