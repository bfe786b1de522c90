"""A database restored from a backup, beside the store as it is: as docs/production.md has it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rota.runs import RunStatus
from tests.stack import Stack, open_stack
from tests.workflows.posting import POSTING, SLOT, Service
from workers.devserver import DevServer, dev_server, free_port

LATER = "2026-11-22T07:00:00Z"


async def booked(stack: Stack, service: Service, name: str, *slots: str) -> list[str]:
    """Run these slots, by ids of their own; the statuses that the keeper's ledger then has."""
    async with stack.worker([service.tool()]):
        await stack.declare(name, **POSTING)
        for slot in slots:
            result = await stack.run(name, f"{name}-{slot}", slot=slot)
            assert result.status is RunStatus.SUCCEEDED
        return [entry.status for entry in (await stack.keeper(name)).ledger.values()]


def copied(source: Path, target: Path) -> None:
    """Put the files of a database that nobody has open in the place of others."""
    target.mkdir(exist_ok=True)
    for path in target.glob("temporal.db*"):
        path.unlink()
    for path in source.glob("temporal.db*"):
        shutil.copy(path, target)


async def test_slot_that_the_database_has_lost_repeats_no_effect(
    stack: Stack, listing_server: DevServer
) -> None:
    """A server that knows nothing, with the store of one that did: receipts lie in the store."""
    name, service = stack.name("restored"), Service(loses=0)
    await booked(stack, service, name, SLOT)
    bare = await open_stack(listing_server.address, stack.folder)
    bare = replace(bare, task_queue=stack.task_queue)
    assert await booked(bare, service, name, SLOT, LATER) == [RunStatus.SUCCEEDED] * 2
    once, later = service.booked
    assert once != later


@pytest.mark.soak
async def test_database_restored_beside_a_newer_store_goes_on(tmp_path: Path) -> None:
    """What it knows is kept, what it forgot is done again, and no effect is repeated."""
    database, port, service = tmp_path / "temporal.db", free_port(), Service(loses=0)
    async with dev_server(database=database, port=port) as server:
        stack = await open_stack(server.address, tmp_path)
        name = stack.name("restored")
        await booked(stack, service, name, SLOT)
    copied(tmp_path, tmp_path / "backup")
    async with dev_server(database=database, port=port):
        await booked(stack, service, name, LATER)
    copied(tmp_path / "backup", tmp_path)
    async with dev_server(database=database, port=port):
        ledger = await booked(stack, service, name, LATER)
        first = stack.client.get_workflow_handle(f"{name}-{SLOT}")
        assert (await first.result())["status"] == RunStatus.SUCCEEDED
    assert ledger == [RunStatus.SUCCEEDED] * 2
    once, later = service.booked
    assert once != later
