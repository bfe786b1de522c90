"""Runs that ask a person, on the real server: what is asked, what an answer may be."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from activities.tool_questions import MOST_QUESTIONS
from rota.runs import RunStatus
from rota.tools import NeedsAnswer, ToolContext, ToolDefinition, tool
from rota.turns.questions import Question, QuestionKind
from tests.asking import open_questions
from tests.stack import Stack, script

REGION = Question(
    kind=QuestionKind.INPUT,
    text="Which region?",
    json_schema={"type": "object", "required": ["region"]},
)


def asking() -> ToolDefinition:
    """A tool that asks once and gives back what it was told."""

    @tool(name="warehouse.query", effect="write")
    def query(context: ToolContext) -> str:
        """Ask for the region, then answer."""
        if not context.answers:
            raise NeedsAnswer(REGION, {"step": 2})
        assert context.state == {"step": 2}
        answer = context.answers[-1]
        return f"declined: {answer.note}" if answer.declined else f"in {answer.value}"

    return query


async def started(stack: Stack, **declaration: Any) -> WorkflowHandle[Any, Any]:
    """A run whose only turn calls the asking tool."""
    name = stack.name("asker")
    await stack.declare(
        name,
        runtime=script(
            {"calls": [{"tool": "warehouse.query"}]}, {"result": "{results.warehouse_query}"}
        ),
        tools=["warehouse.query"],
        **declaration,
    )
    return await stack.start(name, f"{name}-1")


async def refused(handle: WorkflowHandle[Any, Any], **answer: Any) -> str:
    """Why an answer is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("answer", answer)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message


async def test_question_is_shown_and_its_answer_reaches_the_tool(stack: Stack) -> None:
    """The run waits under its name for what is asked, and goes on with what was answered."""
    async with stack.worker([asking()]):
        handle = await started(stack)
        [asked] = await open_questions(handle)
        status = await handle.query("status")
        told = await handle.execute_update(
            "answer", {"question": "q1", "value": {"region": "north"}, "by": "ann"}
        )
        result = await handle.result()
    assert asked["question"]["id"] == "q1"
    assert asked["question"]["asker"] == "warehouse.query"
    assert status["status"] == RunStatus.WAITING
    assert "answer to q1 from warehouse.query: Which region?" in status["waiting_for"]
    assert told == "q1 answered by ann"
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "in {'region': 'north'}")


async def test_answer_that_is_none_is_refused_with_its_reason(stack: Stack) -> None:
    """A wrong id, a wrong type and a second opinion are told apart; the same again is fine."""
    gate = asyncio.Event()

    @tool(name="books.hold", effect="read", timeout="30s")
    async def hold() -> str:
        """Keep the turn open."""
        await gate.wait()
        return "held"

    name = stack.name("asker")
    async with stack.worker([asking(), hold]):
        await stack.declare(
            name,
            runtime=script(
                {"calls": [{"tool": "warehouse.query"}, {"tool": "books.hold"}]},
                {"result": "done"},
            ),
            tools=["warehouse.query", "books.hold"],
        )
        handle = await stack.start(name, f"{name}-1")
        await open_questions(handle)
        unknown = await refused(handle, question="q7", value={})
        typed = await refused(handle, question="q1", value="north")
        answer = {"question": "q1", "value": {"region": "north"}, "by": "ann"}
        await handle.execute_update("answer", answer)
        await handle.execute_update("answer", answer | {"by": "bob"})
        other = await refused(handle, question="q1", value={"region": "south"})
        status = await handle.query("status")
        shown = (await handle.query("__temporal_workflow_metadata")).current_details
        gate.set()
        result = await handle.result()
    assert unknown == "no question 'q7' is open; open are: q1"
    assert typed == "q1 asks for object: give JSON of that type"
    assert other == "q1 is answered already (ann)"
    assert (status["status"], shown.splitlines()[0]) == ("running", "**running**")
    assert result.status is RunStatus.SUCCEEDED


async def test_questions_of_one_turn_wait_side_by_side(stack: Stack) -> None:
    """Two calls that ask are answered in any order, each with its own answer."""

    @tool(name="books.check")
    def check(context: ToolContext) -> str:
        """Ask for leave."""
        if not context.answers:
            raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Go on?"))
        return f"go {context.answers[0].value}"

    name = stack.name("asker")
    names = ["warehouse.query", "books.check"]
    async with stack.worker([asking(), check]):
        await stack.declare(
            name,
            runtime=script(
                {"calls": [{"tool": each} for each in names]},
                {"result": "{results.warehouse_query}, {results.books_check}"},
            ),
            tools=names,
        )
        handle = await stack.start(name, f"{name}-1")
        values: dict[str, Any] = {"warehouse.query": {"region": "n"}, "books.check": False}
        for asked in reversed(await open_questions(handle, 2)):
            id, asker = asked["question"]["id"], asked["question"]["asker"]
            await handle.execute_update("answer", {"question": id, "value": values[asker]})
        result = await handle.result()
    assert result.output == "in {'region': 'n'}, go False"


async def test_cancelled_run_waits_for_no_answer(stack: Stack) -> None:
    """A request to cancel ends the wait; an answer comes too late."""
    async with stack.worker([asking()]):
        handle = await started(stack)
        await open_questions(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)


@pytest.mark.parametrize(
    ("question", "state", "text"),
    [
        (REGION.model_copy(update={"json_schema": {"type": "no such"}}), None, "'no such'"),
        (REGION.model_copy(update={"json_schema": {"title": "x" * 40_000}}), None, "at most 32768"),
        (REGION, float("nan"), "is no JSON"),
    ],
    ids=["schema", "size", "state"],
)
async def test_question_that_nobody_can_answer_is_an_error_of_the_tool(
    stack: Stack, question: Question, state: Any, text: str
) -> None:
    """It is not asked: the model reads why."""

    @tool(name="warehouse.query")
    def query() -> str:
        """Ask oddly."""
        raise NeedsAnswer(question, state)

    async with stack.worker([query]):
        result = await (await started(stack)).result()
    assert result.status is RunStatus.SUCCEEDED
    assert text in result.output


async def test_tool_that_asks_for_ever_is_stopped(stack: Stack) -> None:
    """Each answer is followed by a question, up to a bound."""

    @tool(name="warehouse.query")
    def query() -> str:
        """Ask again."""
        raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Sure?"))

    async with stack.worker([query]):
        handle = await started(stack)
        for number in range(MOST_QUESTIONS):
            await open_questions(handle)
            await handle.execute_update("answer", {"question": f"q{number + 1}", "value": True})
        result = await handle.result()
    assert "it asked 20 times and asks again" in result.output


async def test_waiting_for_a_person_is_not_run_time(skipping_stack: Stack) -> None:
    """A run of a minute may be answered after days; nobody's answer in a week is a no."""
    stack = skipping_stack
    async with stack.worker([asking()]):
        handle = await started(stack, budget={"wall_clock": "1m"})
        result = await handle.result()
    assert (result.status, result.output) == (
        RunStatus.SUCCEEDED,
        "declined: nobody answered within 7d",
    )
