"""Continue-as-new of runs and keepers, on a server that suggests it early."""

import asyncio
import threading
from collections import Counter

import pytest

import workflows.agent
from rota.ids import keeper_id
from rota.runs import RunStatus
from rota.steps import LedgerPage
from rota.tools import NeedsAnswer, ToolContext, tool
from rota.turns.questions import Question, QuestionKind
from tests.asking import open_questions
from tests.replay.scenarios import chain
from tests.stack import Stack, script


async def test_run_continued_as_new_repeats_no_turn_and_no_tool(hasty: Stack) -> None:
    """The run goes on between two steps with all it knew: one result, one key per call."""
    keys: list[str] = []
    writing = threading.Lock()

    @tool(name="books.post", effect="write")
    def post(page: int, context: ToolContext) -> int:
        """Post a page."""
        with writing:
            keys.append(context.idempotency_key)
        return page

    turns = [
        {
            "calls": [{"tool": "books.post", "args": {"page": page}}],
            "usage": {"input_tokens": 10, "output_tokens": 1},
        }
        for page in range(10)
    ]
    name = hasty.name("poster")
    async with hasty.worker([post]):
        runtime = script(*turns, {"result": "{results.books_post}"})
        await hasty.declare(name, runtime=runtime, tools=["books.post"])
        result = await hasty.run(name, f"{name}-1")
        state = await hasty.keeper(name)
        executions = await chain(hasty.client, f"{name}-1")
    assert len(executions) > 1
    assert (result.status, result.turns, result.tool_calls) == (RunStatus.SUCCEEDED, 11, 10)
    assert result.usage.input_tokens == 100
    assert len(keys) == len(set(keys)) == 10
    (entry,) = state.ledger.values()
    assert (entry.status, entry.turns) == (RunStatus.SUCCEEDED, 11)
    assert state.session("default").holder is None


async def test_run_continued_as_new_never_gives_a_question_an_id_twice(hasty: Stack) -> None:
    """A late answer to an old question is no answer to a new one."""

    @tool(name="books.ask")
    def ask(page: int, context: ToolContext) -> str:
        """Ask about a page."""
        if not context.answers:
            raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text=f"Page {page}?"))
        return "asked"

    calls = [{"calls": [{"tool": "books.ask", "args": {"page": page}}]} for page in range(6)]
    name, ids = hasty.name("asker"), list[str]()
    async with hasty.worker([ask]):
        await hasty.declare(name, runtime=script(*calls, {"result": "done"}), tools=["books.ask"])
        handle = await hasty.start(name, f"{name}-1")
        for _ in range(6):
            [opened] = await open_questions(handle)
            ids.append(opened["question"]["id"])
            await handle.execute_update("answer", {"question": ids[-1], "value": True})
        result = await handle.result()
        executions = await chain(hasty.client, f"{name}-1")
    assert len(executions) > 1
    assert (result.status, ids) == (RunStatus.SUCCEEDED, ["q1", "q2", "q3", "q4", "q5", "q6"])


@pytest.mark.parametrize("count", [40, pytest.param(100, marks=pytest.mark.soak)])
async def test_keeper_continued_as_new_under_load_loses_no_run_and_counts_none_twice(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Of many runs at once each is settled once, in the ledger or on its pages."""
    monkeypatch.setattr(workflows.agent, "HOT_ENTRIES", count // 5)
    name = hasty.name("busy")
    async with hasty.worker():
        await hasty.declare(
            name, runtime=script({"result": "done"}), session={"concurrency": "parallel"}
        )
        runs = [hasty.run(name, f"{name}-{number}") for number in range(count)]
        results = await asyncio.gather(*runs)
        state = await hasty.keeper(name)
        executions = await chain(hasty.client, keeper_id(name))
    entries = list(state.ledger.values())
    page_digest = state.pages
    while page_digest is not None:
        page = LedgerPage.model_validate_json(await hasty.store.get(page_digest))
        entries += page.entries
        page_digest = page.parent
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert Counter(entry.status for entry in entries) == {RunStatus.SUCCEEDED: count}
    assert len({entry.key for entry in entries}) == count
    assert state.paged == count - len(state.ledger) > 0
    assert len(executions) > 2
