"""An answer of any shape is read by declared paths, and fails by the path's name."""

from typing import Any

import pytest

from activities.providers.mapped_answers import mapped_answer
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.answer_paths import AnswerPaths
from rota.usage import Usage

C = FailureCategory


@pytest.mark.parametrize(
    ("document", "result", "text"),
    [
        ({"data": {"items": [{"text": "ok"}]}}, "data.items.0.text", "ok"),
        ({"data": {"n": 1}}, "data", '{"n": 1}'),
        ({"n": "ü"}, None, '{"n": "ü"}'),
        ("plain", None, "plain"),
        ({"n": 0}, "n", "0"),
    ],
)
def test_mapped_answer_result_is_text_or_json(document: Any, result: str, text: str) -> None:
    """Text stays as it is, anything else becomes JSON; without a path it is the whole."""
    found = mapped_answer(document, AnswerPaths(result=result), vendor="the shop")
    assert (found.message.text, found.stop) == (text, StopReason.END_TURN)


def test_mapped_answer_usage_is_exact() -> None:
    """Tokens and dollars come out to the micro-dollar; what is missing is unpriced or none."""
    paths = AnswerPaths(cost_usd="usd", input_tokens="in", cache_read_tokens="cached")
    told = mapped_answer({"usd": 0.070009, "in": 5}, paths, vendor="the shop").usage
    assert told == Usage(input_tokens=5, cost_micros=70_009)
    silent = mapped_answer({"usd": None}, paths, vendor="the shop").usage
    assert silent == Usage(cost_micros=None)
    free = mapped_answer({"usd": 0}, paths, vendor="the shop").usage
    assert free == Usage(cost_micros=0)


@pytest.mark.parametrize(
    ("document", "paths", "category", "words"),
    [
        ({"a": 1}, {"result": "b"}, C.OUTCOME_INVALID, "nothing at 'b' (runtime.answer.result)"),
        ([1], {"result": "b"}, C.OUTCOME_INVALID, "it is list"),
        ({"in": "many"}, {"input_tokens": "in"}, C.OUTCOME_INVALID, "no usable in"),
        ({"usd": "1"}, {"cost_usd": "usd"}, C.OUTCOME_INVALID, "no usable usd"),
        ({"usd": -0.5}, {"cost_usd": "usd"}, C.OUTCOME_INVALID, "no usable usd"),
        ({"usd": float("nan")}, {"cost_usd": "usd"}, C.OUTCOME_INVALID, "no usable usd"),
        ({"usd": float("inf")}, {"cost_usd": "usd"}, C.OUTCOME_INVALID, "no usable usd"),
        ({"out": -5}, {"output_tokens": "out"}, C.OUTCOME_INVALID, "no usable out"),
        ({"e": {"code": 7}}, {"error": "e"}, C.TOOL_FAILED, 'the shop failed: {"code": 7}'),
        ({"e": True, "r": "no"}, {"error": "e", "result": "r"}, C.TOOL_FAILED, "failed: no"),
    ],
)
def test_mapped_answer_of_another_shape_fails_by_name(
    document: Any, paths: dict[str, str], category: FailureCategory, words: str
) -> None:
    """A declared path that is wrong is named; so is a failure that the answer tells of."""
    with pytest.raises(StepError) as caught:
        mapped_answer(document, AnswerPaths.model_validate(paths), vendor="the shop")
    assert caught.value.category is category
    assert words in str(caught.value)


def test_mapped_answer_error_that_is_null_is_none() -> None:
    """An error field that is there and empty does not fail the work."""
    paths = AnswerPaths(error="error", result="r")
    assert mapped_answer({"error": None, "r": "x"}, paths, vendor="x").message.text == "x"
