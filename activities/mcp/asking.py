"""What a server needs from a person, as a question, and the answer as the server wants it.

A server that cannot go on answers with requests and an opaque state. Both are kept with the
question, so that the call is made again from anywhere, days later. Pure.
"""

from typing import Any, cast

import mcp_types as types
from pydantic import TypeAdapter, ValidationError

from activities.schema_problems import schema_fault, schema_problems
from rota.model import Record
from rota.turns.questions import Question, QuestionAnswer, QuestionKind

_REQUESTS: TypeAdapter[dict[str, types.InputRequest]] = TypeAdapter(dict[str, types.InputRequest])


class Unanswerable(Exception):
    """The server asks for what no person is asked for here; the message says what."""


class Pending(Record):
    """What an answer is made into a response with."""

    requests: dict[str, Any]
    """The server's requests by its own keys, as they came."""
    state: str | None
    """Handed back as it is."""


def pending(result: types.InputRequiredResult) -> Pending:
    """What is kept of a result that needs input."""
    requests = result.input_requests or {}
    document = _REQUESTS.dump_python(requests, mode="json", by_alias=True, exclude_none=True)
    return Pending(requests=document, state=result.request_state)


def question(kept: Pending, problem: str = "") -> Question:
    """The question a person is asked: one for all requests, as a form if there are several.

    Args:
        kept: What the server asked.
        problem: Why the last answer was none, if there was one.

    Raises:
        Unanswerable: the server wants no person's input, or its schema is no schema.
    """
    asked = {key: _elicited(request) for key, request in _read(kept).items()}
    texts = [_text(params) for params in asked.values()]
    note = f" (the last answer did not fit: {problem})" if problem else ""
    if len(asked) > 1:
        text = "; ".join(f"{key}: {each}" for key, each in zip(asked, texts, strict=True))
        return Question(kind=QuestionKind.INPUT, text=text + note, json_schema=_form(asked))
    [params] = asked.values()
    schema = _schema(params)
    kind = QuestionKind.CONFIRM if schema is None else QuestionKind.INPUT
    return Question(kind=kind, text=texts[0] + note, json_schema=schema)


def problem_of(kept: Pending, answer: QuestionAnswer) -> str:
    """Say why an answer does not fit; empty if it does."""
    schema = question(kept).json_schema
    if answer.declined or schema is None:
        return ""
    return "; ".join(schema_problems(schema, answer.value, whole="the answer"))


def responses(kept: Pending, answer: QuestionAnswer) -> dict[str, types.ElicitResult]:
    """The answer to each request, by the server's keys; `problem_of` must have found nothing."""
    asked = {key: _elicited(request) for key, request in _read(kept).items()}
    several = len(asked) > 1
    given = cast("dict[str, Any]", answer.value) if several and not answer.declined else {}
    return {
        key: _response(params, given.get(key) if several else answer.value, answer.declined)
        for key, params in asked.items()
    }


def _response(params: types.ElicitRequestParams, value: Any, declined: bool) -> types.ElicitResult:
    if _schema(params) is None:
        return types.ElicitResult(action="accept" if value and not declined else "decline")
    if declined or not isinstance(value, dict):
        return types.ElicitResult(action="decline")
    return types.ElicitResult(action="accept", content=cast("dict[str, Any]", value))


def _read(kept: Pending) -> dict[str, types.InputRequest]:
    try:
        return _REQUESTS.validate_python(kept.requests)
    except ValidationError as error:
        raise Unanswerable(f"its request for input cannot be read: {error}") from error


def _elicited(request: types.InputRequest) -> types.ElicitRequestParams:
    if isinstance(request, types.ElicitRequest):
        return request.params
    raise Unanswerable(f"it asks for {request.method}, which is not given to servers")


def _text(params: types.ElicitRequestParams) -> str:
    if isinstance(params, types.ElicitRequestURLParams):
        return f"{params.message} (open {params.url}, then say yes)"
    return params.message


def _schema(params: types.ElicitRequestParams) -> dict[str, Any] | None:
    """What an answer must fit; None for a yes or no."""
    if isinstance(params, types.ElicitRequestURLParams):
        return None
    schema = params.requested_schema
    if not schema.get("properties"):
        return None
    if fault := schema_fault(schema):
        raise Unanswerable(f"the schema it asks with is none: {fault}")
    return schema


def _form(asked: dict[str, types.ElicitRequestParams]) -> dict[str, Any]:
    properties = {key: _schema(params) or {"type": "boolean"} for key, params in asked.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(asked),
        "additionalProperties": False,
    }
