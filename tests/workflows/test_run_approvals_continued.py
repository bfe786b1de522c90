"""Approvals of a run that continues as new, on a server that suggests it early."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rota.runs import RunStatus
from tests.approving import Ledger, decide, open_approvals, posting, refused
from tests.hasty import hasty_server
from tests.replay.scenarios import chain
from tests.stack import Stack, open_stack, script

TURNS = 6


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack on a server of its own that suggests continue-as-new early."""
    async with hasty_server(40) as running:
        yield await open_stack(running.address, tmp_path)


async def test_run_continued_as_new_keeps_what_was_decided(hasty: Stack) -> None:
    """No id comes twice, a second word on an old request is refused, the result has all."""
    name, ledger = hasty.name("poster"), Ledger()
    turns = [{"calls": [posting(str(turn))]} for turn in range(TURNS)]
    async with hasty.worker(ledger.tools):
        await hasty.declare(
            name,
            runtime=script(*turns, {"result": "done"}),
            tools=["ledger.post"],
            approvals={"ledger.post": "always"},
        )
        first = await hasty.start(name, f"{name}-1")
        handle = hasty.client.get_workflow_handle(first.id)
        asked = []
        for _ in range(TURNS):
            [pending] = await open_approvals(handle)
            if asked:
                double = await refused(handle, asked[0], "deny")
                assert double == "decided already: a1 is approved by kim"
            asked.append(pending)
            await decide(handle, pending)
        result = await first.result()
        executions = await chain(hasty.client, first.id)
    assert len(executions) > 1
    assert [each["id"] for each in asked] == [f"a{number}" for number in range(1, TURNS + 1)]
    assert [ruling.id for ruling in result.approvals] == [each["id"] for each in asked]
    assert (result.status, len(ledger.posted)) == (RunStatus.SUCCEEDED, TURNS)
