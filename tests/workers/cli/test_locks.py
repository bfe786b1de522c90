"""`rota locks`: holders and queues, as the locks themselves tell them."""

from datetime import timedelta

import pytest

from activities.desks.locks import LockDeskActivities
from rota.coordination.locks import LockRequest
from rota.keepers.admission import RunRef
from rota.steps import LockInput
from tests.stack import Stack, open_stack
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import poll
from workers.cli.exit_codes import ExitCode


async def locks(stack: Stack, *arguments: str) -> Ended:
    """Run `rota locks` against the stack's corner of the server."""
    options = ("--address", stack.address, "--store", stack.store.address)
    return await rota("locks", *arguments, *options, "--task-queue", stack.task_queue)


async def ask(stack: Stack, lock: str, run: str) -> None:
    """A run asks for a lock."""
    ref = RunRef(id=f"{lock}-{run}", key=f"{lock}-{run}-key")
    request = LockRequest(run=ref, wait_seconds=600)
    await LockDeskActivities(stack.client).acquire_lock(
        LockInput(lock=lock, request=request, task_queue=stack.task_queue)
    )


async def test_locks_lists_each_with_holder_fence_and_length_of_its_queue(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All locks of the namespace; those that nobody serves do not hide the others."""
    monkeypatch.setattr("workers.cli.roll_call.PATIENCE", timedelta(seconds=0.5))
    orphan = await open_stack(stack.address, stack.folder)
    async with orphan.worker():
        await ask(orphan, orphan.name("orphan"), "a")
    books, mail = stack.name("books"), stack.name("mail")

    async def listed() -> list[dict[str, object]] | None:
        ended = await locks(stack, "--json")
        rows = [row for row in ended.json if row["lock"] in (books, mail)]
        return rows if len(rows) == 2 else None

    async with stack.worker():
        for lock, runs in ((books, ("a", "b", "c")), (mail, ("a",))):
            for run in runs:
                await ask(stack, lock, run)
        first, second = await poll(listed)
        silent = [row for row in (await locks(stack, "--json")).json if row["note"]]
        table = await locks(stack)
    assert (first["lock"], first["holder"], first["fence"]) == (books, f"{books}-a", 1)
    assert [place["run"] for place in first["queue"]] == [f"{books}-b", f"{books}-c"]  # type: ignore[index]
    assert (second["lock"], second["queue"]) == (mail, [])
    assert orphan.name("orphan") in [row["lock"] for row in silent]
    (row,) = [line.split() for line in table.out.splitlines() if line.startswith(books)]
    assert (row[1], row[-2:]) == (f"{books}-a", ["1", "2"])


async def test_locks_of_one_name_shows_the_queue_in_order(stack: Stack) -> None:
    """Who waits, since when, until when."""
    books = stack.name("books")
    async with stack.worker():
        for run in ("a", "b", "c"):
            await ask(stack, books, run)
        ended = await locks(stack, books)
    *_, second, third = [line.split() for line in ended.out.splitlines()]
    assert [line[:2] for line in (second, third)] == [["1", f"{books}-b"], ["2", f"{books}-c"]]


async def test_locks_of_a_name_nobody_asked_for_ends_with_4(stack: Stack) -> None:
    """A typing mistake is told with the nearest name there is."""
    books = stack.name("books")

    async def suggested() -> Ended | None:
        ended = await locks(stack, f"{books}x")
        return ended if f"did you mean '{books}'?" in ended.err else None

    async with stack.worker():
        await ask(stack, books, "a")
        ended = await poll(suggested)
    assert ended.code == ExitCode.NOT_FOUND
    assert ended.err.startswith(f"error: no run has asked for a lock '{books}x' yet; did you")


async def test_locks_without_a_worker_ends_with_3_and_says_what_to_start(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock is a workflow: without a worker nobody can tell who holds it."""
    books = stack.name("books")
    async with stack.worker():
        await ask(stack, books, "a")
    monkeypatch.setattr("workers.cli.standing.ANSWER", timedelta(seconds=1))
    ended = await locks(stack, books)
    assert ended.code == ExitCode.NO_SERVER
    assert "start one with 'rota worker'" in ended.err
