"""A model's final answer against what the agent promised."""

import json
from pathlib import Path
from typing import Any

import pytest

from activities.answers import check_answer
from activities.schema_problems import PROBLEMS_SHOWN
from activities.stores.local import LocalStore
from rota.agent_spec import AgentSpec
from rota.conversation import Message, Text
from rota.turns.calls import INLINE_OUTPUT, AnswerRef

TOTAL = {
    "type": "object",
    "properties": {
        "total": {"type": "integer"},
        "lines": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["total"],
}


async def checked(folder: Path, text: str, schema: dict[str, Any] | None = None) -> AnswerRef:
    """Check `text` as the answer of an agent with that output schema."""
    runtime = {"kind": "scripted", "turns": []}
    declared: dict[str, Any] = {"name": "agent", "runtime": runtime}
    if schema is not None:
        declared["output"] = {"schema": schema}
    reply = Message(role="assistant", content=(Text(text=text),))
    return await check_answer(LocalStore(folder), AgentSpec.model_validate(declared), reply)


async def test_answer_without_a_schema_is_any_text(tmp_path: Path) -> None:
    """The text is the result, without the white space around it."""
    answer = await checked(tmp_path, "  All matched.\n")
    assert (answer.output, answer.problems) == ("All matched.", ())


@pytest.mark.parametrize(
    "text",
    ['{"total": 3}', ' {"total": 3}\n', '```json\n{"total": 3}\n```', '```\n{"total": 3}\n```'],
)
async def test_answer_that_fits_is_the_value_itself(tmp_path: Path, text: str) -> None:
    """A fence around the JSON is forgiven: models like to put one."""
    answer = await checked(tmp_path, text, TOTAL)
    assert (answer.output, answer.problems) == ({"total": 3}, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Three.", "the result is not JSON"),
        ("", "the result is not JSON"),
        ('Here: {"total": 3}', "the result is not JSON"),
        ("{}", "the result: 'total' is a required property"),
        ('{"total": "3"}', "total: '3' is not of type 'integer'"),
        ('{"total": 3, "lines": [1, "2"]}', "lines/1: '2' is not of type 'integer'"),
        ("[]", "the result: [] is not of type 'object'"),
        ('{"total": NaN}', "the result is not JSON: NaN is no JSON value"),
        ("[" * 100_000, "the result is not JSON"),
        ('{"total": 1e999}', "the result is not JSON: Out of range"),
        (r'{"total": 3, "memo": "\ud83d"}', "the result is not JSON: 'utf-8' codec"),
    ],
)
async def test_answer_that_does_not_fit_says_where(tmp_path: Path, text: str, problem: str) -> None:
    """Each problem names its place: the model is to mend it."""
    answer = await checked(tmp_path, text, TOTAL)
    assert len(answer.problems) == 1
    assert answer.problems[0].startswith(problem)


async def test_answer_with_many_problems_shows_the_first_ones(tmp_path: Path) -> None:
    """Problems travel in history and to the model: they are bounded in number and length."""
    lines = json.dumps({"total": 1, "lines": ["x" * 1000] * 50})
    answer = await checked(tmp_path, lines, TOTAL)
    assert len(answer.problems) == PROBLEMS_SHOWN
    assert max(map(len, answer.problems)) < 250


async def test_answer_with_a_key_of_any_length_names_its_place_briefly(tmp_path: Path) -> None:
    """Keys are the model's own words too."""
    schema = {"additionalProperties": {"type": "integer"}}
    answer = await checked(tmp_path, json.dumps({"k" * 100_000: "x"}), schema)
    (problem,) = answer.problems
    assert problem.startswith("kkk")
    assert len(problem) < 310


@pytest.mark.parametrize(("length", "inline"), [(INLINE_OUTPUT - 2, True), (INLINE_OUTPUT, False)])
async def test_answer_travels_inline_only_when_small(
    tmp_path: Path, length: int, inline: bool
) -> None:
    """The digest always leads to all of it."""
    answer = await checked(tmp_path, "x" * length)
    stored = json.loads(await LocalStore(tmp_path).get(answer.digest))
    assert stored == "x" * length
    assert answer.output == (stored if inline else None)
