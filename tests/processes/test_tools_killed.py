"""Built-in tools in a worker of their own that is killed between an effect and its record."""

import asyncio
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from rota.failures import FailureCategory
from rota.runs import AgentRunResult, RunStatus
from tests.fakes.github_server import REPOSITORY, GitHubFake
from tests.fakes.github_server import TOKEN as GITHUB_TOKEN
from tests.fakes.slack_server import HOOK, SlackFake
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, script
from tests.workflows.claude import ending_of


def declare_fleet(folder: Path, secret: str, **blocks: Any) -> None:
    """Write `fleet.yaml`, of which JSON is a part, and the secret beside it."""
    (folder / "secret").write_text(secret)
    (folder / "fleet.yaml").write_text(json.dumps({"name": "tested", **blocks}))


async def declared(stack: Stack, tool: str, **args: Any) -> str:
    """An agent that calls the tool once and gives its result back."""
    name = stack.name("worker")
    result = "{results." + tool.replace(".", "_") + "}"
    runtime = script({"calls": [{"tool": tool, "args": args}]}, {"result": result})
    await stack.declare(name, runtime=runtime, tools=[tool], effects={"on_unknown": "fail"})
    return name


async def happened(event: threading.Event) -> None:
    """Wait for what a fake tells."""
    assert await asyncio.to_thread(event.wait, 20)


async def test_worker_killed_after_an_issue_was_made_leaves_one_issue(stack: Stack) -> None:
    """The next worker makes the call again and finds what the lost one made."""
    with GitHubFake() as github:
        token = f"file:{stack.folder / 'secret'}"
        declare_fleet(stack.folder, GITHUB_TOKEN, github={"token": token, "base_url": github.url})
        made = github.keep_answer("POST")
        async with worker_process(stack) as first:
            args = {"repository": REPOSITORY, "title": "Broken", "body": "It is."}
            name = await declared(stack, "github.create_issue", **args)
            handle = await stack.start(name, f"{name}-1")
            await happened(made)
            kill(first)
        async with worker_process(stack):
            result: AgentRunResult = await handle.result()
    assert result.status is RunStatus.SUCCEEDED
    found = json.loads(result.output)
    assert (found["number"], found["existed"]) == (1, True)
    assert (len(github.issues), github.count("POST")) == (1, 1)


async def test_worker_killed_after_a_webhook_took_the_text_is_not_repeated(stack: Stack) -> None:
    """Nobody can ask whether it arrived, so a person has to look."""
    with SlackFake() as slack:
        webhook = f"file:{stack.folder / 'secret'}"
        declare_fleet(stack.folder, f"{slack.url}{HOOK}", slack={"webhook": webhook})
        taken = slack.keep_answer("POST")
        async with worker_process(stack) as first:
            name = await declared(stack, "slack.post", text="Done.")
            handle = await stack.start(name, f"{name}-1")
            await happened(taken)
            kill(first)
        async with worker_process(stack):
            ending = await ending_of(handle)
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert "slack.post" in ending.message
    assert slack.hooked == ["Done."]


async def test_worker_reads_a_database_of_fleet_yaml_and_blocks_what_is_not_there(
    stack: Stack,
) -> None:
    """Connections reach the tools; an agent whose connection is missing costs nothing."""
    with sqlite3.connect(stack.folder / "books.db") as books:
        books.execute("CREATE TABLE booking AS SELECT 7 AS amount")
    books.close()
    declare_fleet(stack.folder, "", databases={"books": {"url": "sqlite:///books.db"}})
    async with worker_process(stack):
        query = {"database": "books", "query": "SELECT amount FROM booking"}
        name = await declared(stack, "sql.query", **query)
        read = await stack.run(name, f"{name}-1")
        await stack.declare(stack.name("poster"), runtime=script(), tools=["github.comment"])
        handle = await stack.start(stack.name("poster"), f"{stack.name('poster')}-1")
        ending = await ending_of(handle)
    assert json.loads(read.output) == {"columns": ["amount"], "rows": [[7]], "truncated": False}
    assert ending.result.category is FailureCategory.INVALID_REQUEST
    assert ending.message.endswith(
        "'github.comment' needs github in fleet.yaml; add github: {token: env:GITHUB_TOKEN}, "
        "and restart the worker"
    )
