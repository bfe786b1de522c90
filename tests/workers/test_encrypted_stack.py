"""A fleet with keys on the real server: what is readable, what goes on, what waits."""

import asyncio
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from activities.stores.payloads import PAYLOAD_THRESHOLD
from rota.ids import keeper_id
from rota.runs import AgentRunResult, RunStatus
from rota.tools import tool
from tests.encrypted import encrypted_fleet, key, write_keys
from tests.stack import Stack, open_stack, script
from tests.workers.conftest import FiledServer
from tests.workflows.gates import poll
from workers.key_use import keys_in

SECRET = "sentinel-8d1f-only-with-the-key"
PLAIN = "sentinel-0c77-for-all-to-read"


@tool(name="vault.crash")
def crash(text: str) -> str:
    """Break, with private words in the error."""
    raise RuntimeError(f"cannot use {text}")


async def played(stack: Stack, words: str) -> list[str]:
    """Put private words into everything that takes some; returns the ids of who has them."""
    name = stack.name("talker")
    call = {"tool": "vault.crash", "args": {"text": words}}
    # More than travels within a history.
    large = words * (2 * PAYLOAD_THRESHOLD // len(words))
    async with stack.worker([crash]):
        await stack.declare(
            name,
            description=words,
            instructions=f"Say {words}",
            tools=["vault.crash"],
            retry={"attempts": 2, "backoff": "10ms"},
            runtime=script({"say": words, "calls": [call]}, {"result": {"said": words}}),
        )
        done = await stack.run(name, f"{name}-1", input={"text": words, "large": large})
        assert done.status is RunStatus.SUCCEEDED
    return [f"{name}-1", keeper_id(name)]


async def readable(stack: Stack, database: Path, words: str, ids: list[str]) -> set[str]:
    """The places in which `words` can be read by those who have no key."""
    sought, found = words.encode(), set[str]()
    for id in ids:
        handle: WorkflowHandle[object, object] = stack.client.get_workflow_handle(id)
        async for event in handle.fetch_history_events():
            if sought in event.SerializeToString():
                found.add("history of agent" if ":" in id else "history of run")
        described = (await handle.describe()).raw_description
        if sought in described.SerializeToString():
            found.add("description")
    for place, folder in (("database", database), ("store", stack.folder / "store")):
        command = ["grep", "-rqaF", words, str(folder)]
        done = await asyncio.to_thread(subprocess.run, command, check=False)
        if done.returncode == 0:
            found.add(place)
    return found


def folders(tmp_path: Path, *names: str) -> list[Path]:
    """Folders for fleets."""
    made = [tmp_path / name for name in names]
    for folder in made:
        folder.mkdir()
    return made


async def again(stack: Stack) -> Stack:
    """The same corner of the server as a process sees it that starts now."""
    fresh = await open_stack(stack.address, stack.folder)
    return replace(fresh, task_queue=stack.task_queue)


async def test_private_words_are_readable_nowhere_once_a_fleet_has_keys(
    filed: FiledServer, tmp_path: Path
) -> None:
    """Inputs, results, failures, memo, store and database: all of them without keys, none with."""
    open_folder, sealed_folder = folders(tmp_path, "open", "sealed")
    encrypted_fleet(sealed_folder, key(1))
    plain = await open_stack(filed.address, open_folder)
    sealed = await open_stack(filed.address, sealed_folder)
    before = await readable(plain, filed.folder, PLAIN, await played(plain, PLAIN))
    assert before == {"history of run", "history of agent", "database", "store"}
    assert await readable(sealed, filed.folder, SECRET, await played(sealed, SECRET)) == set()


async def test_run_begun_before_a_rotation_ends_after_it(
    filed: FiledServer, tmp_path: Path
) -> None:
    """Histories, memory and declarations under the old key serve; what is new has the new key."""
    old, new = key(2), key(3)
    file = encrypted_fleet(tmp_path, old)
    stack = await open_stack(filed.address, tmp_path)
    name = stack.name("rotated")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": {"said": SECRET}}))
        await stack.run(name, f"{name}-1")
    run = await stack.start(name, f"{name}-2")
    write_keys(file, new, old)
    later = await again(stack)
    async with later.worker():
        result = await run.result()
        assert SECRET in str(result.output)
        assert (await later.keeper(name)).spec is not None
    found = [await keys_of(later.client, id) for id in (f"{name}-1", f"{name}-2", keeper_id(name))]
    assert found == [{old.id}, {old.id, new.id}, {old.id, new.id}]


async def test_run_whose_key_was_removed_waits_and_says_which(
    filed: FiledServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails no run: the task is repeated, its reason readable, until the key is back."""
    monkeypatch.setattr("activities.encryption.keys.LOOK_SECONDS", 0.0)
    old, new = key(4), key(5)
    file = encrypted_fleet(tmp_path, old)
    stack = await open_stack(filed.address, tmp_path)
    name = stack.name("locked-out")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
    run = await stack.client.start_workflow(
        "AgentRun",
        {"agent": name},
        id=f"{name}-1",
        task_queue=stack.task_queue,
        result_type=AgentRunResult,
        # A task that failed twice is tried again once its time is over.
        task_timeout=timedelta(seconds=1),
    )
    write_keys(file, new)
    later = await again(stack)
    async with later.worker():

        async def complaint() -> str | None:
            async for event in run.fetch_history_events():
                if event.HasField("workflow_task_failed_event_attributes"):
                    return event.workflow_task_failed_event_attributes.failure.message
            return None

        told = await poll(complaint)
        assert f"encrypted with key {old.id}, which is not here (here are {new.id})" in told
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
        write_keys(file, new, old)
        assert (await run.result()).status is RunStatus.SUCCEEDED


async def keys_of(client: Client, id: str) -> set[str]:
    """Ids of the keys that a history needs."""
    found: set[str] = set()
    async for event in client.get_workflow_handle(id).fetch_history_events():
        found |= keys_in(event)
    return found
