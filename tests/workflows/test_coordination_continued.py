"""Keepers, locks, topics and pipelines that continue as new all the time lose nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.coordination import Play
from tests.coordination_tools import post
from tests.hasty import hasty_server
from tests.replay.scenarios import chain
from tests.stack import Stack, open_stack
from workers.devserver import DevServer

ACTS = ("pipeline", "key", "lock", "backfill", "events", "needs")


@pytest.fixture(scope="module")
async def restless() -> AsyncIterator[DevServer]:
    """A server that suggests continue-as-new after a few messages."""
    async with hasty_server(40) as running:
        yield running


@pytest.mark.parametrize("act", ACTS)
async def test_act_ends_as_ever_although_everything_continues_as_new(
    restless: DevServer, tmp_path: Path, act: str
) -> None:
    """Each run once, each effect once, nothing left over: across many executions."""
    stack: Stack = await open_stack(restless.address, tmp_path)
    async with stack.worker([post]):
        continued = await getattr(Play(stack, seconds=0.05), act)()
        chains = {id: len(await chain(stack.client, id)) for id in continued}
    assert all(length > 1 for length in chains.values()), chains
