"""Erasure of a run reaches the backtests that played it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.audit.archive_store import all_archives, put_archive
from activities.audit.collect import collect_run
from activities.audit.erasing import Eraser
from activities.audit.marking import listing
from activities.audit.roots import server_roots
from rota.audit.content_key import Destruction
from rota.connections import Connections
from rota.tools import ToolDefinition, tool
from tests.stack import Stack, open_stack, script
from tests.workflows.what_if_bench import backtest, past_run
from workers.devserver import dev_server
from workers.what_if.cases import comparison_of

SECRET = "ann-born-1970-lives-at-elm-street"


def reader() -> ToolDefinition:
    """A tool that answers with what is personal."""

    @tool(name="people.read")
    def read(number: int) -> str:
        """Read about a person."""
        return f"{SECRET}-{number}"

    return read


async def telling(stack: Stack, number: int) -> list[str]:
    """Digests of the objects in which that person's address stands."""
    digests, words = await listing(stack.store), f"{SECRET}-{number}".encode()
    return [each for each in digests if words in await stack.store.get(each)]


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of its own: all that one refers to is read."""
    async with dev_server() as running:
        yield await open_stack(running.address, tmp_path)


async def test_erasure_of_a_run_takes_the_backtests_that_played_it(alone: Stack) -> None:
    """Tape and transcripts of cases go; those of another run of the same backtest stay."""
    stack = alone
    name = stack.name("clerk")
    call = {"tool": "people.read", "args": {"number": "{input.number}"}}
    runtime = script({"calls": [call]}, {"result": "done"})
    async with stack.worker([reader()]):
        await stack.declare(name, runtime=runtime, tools=["people.read"])
        for number in (1, 2):
            await stack.run(name, f"{name}-{number}", input={"number": number})
        played = await backtest(stack, [f"{name}-1", f"{name}-2"])
        record = await collect_run(stack.client, stack.store, f"{name}-1", Connections())
        run = await put_archive(stack.store, record)
        assert await telling(stack, 1)
        eraser = Eraser(stack.store, lambda gone: server_roots(stack.client, stack.store, gone))
        gone = Destruction(by="dpo", reason="asked", at=datetime.now(UTC))
        await eraser.erase(run, await all_archives(stack.store), gone, dry_run=False)
        assert await telling(stack, 1) == []
        named = [each for each in await stack.store.list_refs("") if run.run.key in each]
        assert all(each.startswith("audit/") for each in named)
        other = await past_run(stack, f"{name}-2")
        comparison = await comparison_of(stack.store, other, played.progress.cases[1])
    assert (comparison.verdict, comparison.after.turns) == ("same", 2)
