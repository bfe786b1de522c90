"""`rota answer`: a run's questions on the command line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from rota.tools import NeedsAnswer, ToolContext, tool
from rota.turns.questions import Question, QuestionKind
from tests.asking import open_questions
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from workers.cli.exit_codes import ExitCode

REGION = {
    "type": "object",
    "properties": {"region": {"enum": ["north", "south"]}},
    "required": ["region"],
}


@tool(name="books.region")
def region(context: ToolContext) -> str:
    """Ask for a region."""
    if not context.answers:
        question = Question(kind=QuestionKind.INPUT, text="Which region?", json_schema=REGION)
        raise NeedsAnswer(question)
    return str(context.answers[0].value)


@tool(name="books.leave")
def leave(context: ToolContext) -> str:
    """Ask for leave."""
    if not context.answers:
        raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Go on?"))
    answer = context.answers[0]
    return f"declined: {answer.note}" if answer.declined else str(answer.value)


@dataclass(frozen=True)
class AskingRun:
    """A run with questions open."""

    stack: Stack
    handle: WorkflowHandle[Any, Any]
    ids: dict[str, str]
    """Of the questions, by the tool that asks."""

    async def answer(self, *arguments: str) -> Ended:
        """Run `rota answer` for this run."""
        return await rota(
            *("answer", self.handle.id, *arguments, "--by", "ann"),
            *("--address", self.stack.address, "--store", self.stack.store.address),
            *("--task-queue", self.stack.task_queue),
        )


async def asking(stack: Stack, *names: str) -> AskingRun:
    """Start a run that makes these calls, and wait until all of them ask."""
    agent = stack.name("asker")
    results = ", ".join(f"{{results.{name.replace('.', '_')}}}" for name in names)
    turns = script({"calls": [{"tool": name} for name in names]}, {"result": results})
    await stack.declare(agent, runtime=turns, tools=list(names))
    handle = await stack.start(agent, f"{agent}-1")
    opened = await open_questions(handle, len(names))
    ids = {each["question"]["asker"]: each["question"]["id"] for each in opened}
    return AskingRun(stack, handle, ids)


@pytest.fixture
async def served(stack: Stack) -> AsyncIterator[Stack]:
    """A worker that has the tools that ask."""
    async with stack.worker([region, leave]):
        yield stack


async def test_answer_lists_the_open_questions(served: Stack) -> None:
    """Without an answer one sees what is asked, by whom, and what an answer must fit."""
    run = await asking(served, "books.region")
    listed = await run.answer("--json")
    shown = await run.answer("q1")
    [question] = listed.json
    assert {key: question[key] for key in ("id", "asker", "kind", "text")} == {
        "id": "q1",
        "asker": "books.region",
        "kind": "input",
        "text": "Which region?",
    }
    assert question["json_schema"] == REGION
    assert question["since"] < question["until"]
    assert "Which region?" in shown.out
    assert '"enum"' in shown.out


async def test_answer_ends_the_wait(served: Stack) -> None:
    """The value given reaches the tool; afterwards nothing is open, and the run ends."""
    run = await asking(served, "books.region")
    ended = await run.answer("q1", '{"region": "north"}', "--json")
    result = await run.handle.result()
    late = await run.answer()
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["told"] == "q1 answered by ann"
    assert result.output == "{'region': 'north'}"
    assert (late.code, late.out) == (ExitCode.FAILED, "")
    assert "has ended" in late.err


async def test_question_and_answer_are_steps_of_the_run(served: Stack) -> None:
    """Whoever looks at the run later sees what was asked, and who answered."""
    run = await asking(served, "books.region")
    await run.answer("q1", '{"region": "north"}')
    await run.handle.result()
    watched = await rota(
        *("watch", run.handle.id, "--address", served.address),
        *("--store", served.store.address, "--task-queue", served.task_queue),
    )
    assert "waiting for: answer to q1 from books.region: Which region?" in watched.out + watched.err
    assert "q1 answered by ann" in watched.out + watched.err


@pytest.mark.parametrize(
    ("given", "output"),
    [
        (("--yes",), "True"),
        (("q1", "--no"), "False"),
        (("q1", "true"), "True"),
        (("--decline", "--note", "not today"), "declined: not today"),
    ],
)
async def test_answer_of_yes_no_or_neither(
    served: Stack, given: tuple[str, ...], output: str
) -> None:
    """A confirmation takes flags; the only open question need not be named."""
    run = await asking(served, "books.leave")
    ended = await run.answer(*given)
    assert ended.code == ExitCode.OK, ended.err
    assert (await run.handle.result()).output == output


async def test_answer_that_does_not_fit_is_told_and_nothing_is_sent(served: Stack) -> None:
    """Each mistake has its exit code and a line that says how to mend it."""
    run = await asking(served, "books.region", "books.leave")
    which = run.ids["books.region"]
    mistakes = {
        (which, '{"region": "west"}'): (ExitCode.WRONG, "region: 'west' is not one of"),
        (which, "north"): (ExitCode.WRONG, f"{which} asks for object"),
        ("q9", "--yes"): (ExitCode.NOT_FOUND, "no question 'q9' is open; open are: q1, q2"),
        ("--yes",): (ExitCode.WRONG, "several questions are open"),
        (which, "x", "--decline"): (ExitCode.WRONG, "give one answer"),
    }
    for given, (code, text) in mistakes.items():
        ended = await run.answer(*given)
        assert (ended.code, ended.out) == (code, ""), given
        assert text in ended.err
    assert len((await run.answer("--json")).json) == 2


async def test_answer_to_no_run_ends_with_4(served: Stack) -> None:
    """A wrong id is told as everywhere."""
    ended = await rota("answer", "no-such-run", "--address", served.address)
    assert ended.code == ExitCode.NOT_FOUND
