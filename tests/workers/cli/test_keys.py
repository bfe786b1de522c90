"""`rota keys`, and what other commands say of keys."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)

from activities.audit.roots import server_roots
from activities.stores.base import KeyNeededError
from rota.ids import keeper_id
from rota.security.keyring import keys_in
from rota.visibility import SCHEDULE_MEMO
from tests.encrypted import encrypted_fleet, key, write_keys
from tests.stack import open_stack, script
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode
from workers.cli.keys_view import KeysFound
from workers.devserver import DevServer, dev_server
from workers.key_use import CLOSED, OBJECTS, OPEN, PLAIN, SCHEDULES, KeyUse

A, B = key(11), key(12)


@pytest.fixture
async def bare() -> AsyncIterator[DevServer]:
    """A server with no other fleet's keys on it: what looks at a whole namespace needs them all."""
    async with dev_server() as running:
        yield running


async def test_key_is_printed_only_where_no_file_holds_it(tmp_path: Path) -> None:
    """Into a file its id alone is told; without one the key, for a secret manager to take."""
    path = tmp_path / "keys"
    file = str(path)
    printed = await rota("keys", "new")
    written = await rota("keys", "new", file)
    rotated = await rota("keys", "rotate", file, "--json")
    (key_,) = keys_in(printed.out)
    newest, first = keys_in(path.read_text())
    assert key_.id in printed.err
    assert written.out == f"{first.id} in {file}\n"
    assert first.text not in written.out + written.err
    assert rotated.json == {"key_id": newest.id, "file": file, "kept": [first.id]}
    again = await rota("keys", "new", file)
    assert (again.code, again.err.count("\n")) == (ExitCode.WRONG, 1)


async def test_validate_and_doctor_look_at_the_keys(tmp_path: Path) -> None:
    """Open to others, missing, no keys, strictness off: each with what to do."""
    folder = tmp_path / "fleet"
    await rota("init", str(folder))
    file = encrypted_fleet(folder, A, strict=False)
    told = (await rota("validate", "--fleet", str(folder))).err
    assert f"file:{file} can be read by others than its owner: chmod 600" in told
    assert "encryption.strict: what is not encrypted is taken as well" in told
    file.chmod(0o600)
    nowhere = ("--address", "127.0.0.1:1", "--json")
    checks: list[dict[str, Any]] = (await rota("doctor", "--fleet", str(folder), *nowhere)).json
    (found,) = [check for check in checks if check["name"] == "encryption"]
    assert (found["ok"], f"{A.id} in use" in found["found"]) == (True, True)
    file.unlink()
    assert (
        "note: fleet.yaml:1: encryption.keys"
        in (await rota("validate", "--fleet", str(folder))).err
    )
    ended = await rota("doctor", "--fleet", str(folder), *nowhere)
    (found,) = [check for check in ended.json if check["name"] == "encryption"]
    assert (ended.code, found["ok"]) == (ExitCode.FAILED, False)


@pytest.mark.parametrize("command", ["check", "reseal"])
async def test_fleet_without_keys_is_told_how_to_get_some(tmp_path: Path, command: str) -> None:
    """Before any server is asked for."""
    ended = await rota("keys", command, "--fleet", str(tmp_path), "--address", "127.0.0.1:1")
    assert ended.code == ExitCode.WRONG
    assert "no keys are declared: 'rota keys new FILE' makes one" in ended.err


async def test_command_to_a_server_elsewhere_needs_tls(tmp_path: Path) -> None:
    """One line, and the exit code of a server that cannot be used; unless it is allowed."""
    ended = await rota("runs", "--fleet", str(tmp_path), "--address", "rota.invalid:7233")
    assert ended.code == ExitCode.NO_SERVER
    assert "the way to rota.invalid:7233 is not encrypted" in ended.err
    allowed = ("--address", "rota.invalid:7233", "--allow-plaintext")
    ended = await rota("runs", "--fleet", str(tmp_path), *allowed)
    assert ended.code == ExitCode.NO_SERVER
    assert "is not encrypted" not in ended.err


async def test_commands_read_an_encrypted_fleet_and_say_which_keys_it_needs(
    bare: DevServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing, showing, replaying, exporting; counting, collecting; and nothing without the key."""
    folder = tmp_path / "fleet"
    folder.mkdir()
    file = encrypted_fleet(folder, A)
    own = await open_stack(bare.address, folder)
    name = own.name("sealed")
    async with own.worker():
        spec = await own.declare(name, runtime=script({"result": {"said": "hush"}}))
        await own.run(name, f"{name}-1")
        options = ("--fleet", str(folder), "--address", own.address)
        options += ("--store", own.store.address, "--task-queue", own.task_queue)
        shown = await rota("show", f"{name}-1", "--json", *options)
        assert "hush" in shown.out
        exported = await rota("audit", "export", f"{name}-1", "-o", str(tmp_path / "b"), *options)
        assert exported.code == 0, exported.err
        assert "hush" in (tmp_path / "b" / "run.json").read_text() + "".join(
            path.read_text() for path in (tmp_path / "b").glob("*.json*")
        )
    replayed = await rota("replay", "--run", f"{name}-1", "--json", *options)
    assert replayed.json["same"] == 1, replayed.out
    roots = b"".join([data async for data in server_roots(own.client, own.store, ())])
    assert spec.digest.encode() in roots
    write_keys(file, B, A)
    found = await rota("keys", "check", "--json", *options)
    needed = {each["key_id"]: each["places"] for each in found.json["keys"]}
    assert found.json["active"] == B.id
    assert needed[A.id][OPEN] == 1
    assert needed[A.id][OBJECTS] > 0
    assert PLAIN not in needed or needed[PLAIN][OBJECTS] == 0
    assert (await rota("keys", "reseal", "--json", *options)).json["left"] == []
    # Another fleet of the namespace, without keys, sees its own alone, and nothing of this one.
    other = ("--fleet", str(tmp_path / "other"), "--address", own.address)
    await rota("init", str(tmp_path / "other"), "--name", own.name("other"))
    planned = await rota("plan", *other, "--task-queue", own.name("q"))
    assert planned.code == ExitCode.OK, planned.err
    assert name not in planned.out
    spec_of = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
    action = ScheduleActionStartWorkflow("AgentRun", id=name, task_queue=name)
    schedule = Schedule(action=action, spec=spec_of, state=ScheduleState(paused=True))
    await own.client.create_schedule(name, schedule, memo={SCHEDULE_MEMO: {"fleet": "sealed"}})
    imported = await rota("import", "temporal-schedules", name, *other)
    assert (imported.code, "Rota's own" in imported.err) == (ExitCode.WRONG, True), imported.err
    write_keys(file, B)
    locked = await rota("keys", "check", *options)
    assert locked.code == ExitCode.FAILED
    assert f"not here, and needed: {A.id}" in locked.err
    (listed,) = (await rota("runs", name, "--json", *options)).json
    assert (listed["status"], A.id in listed["reason"]) == ("succeeded", True)
    table = await rota("runs", name, *options)
    assert f"not all can be read here: a payload is encrypted with key {A.id}" in table.err
    assert "$0" not in table.out, "what cannot be read has not cost nothing"
    agent = f"name: {name}\nruntime: {{kind: scripted, turns: [{{result: 1}}]}}\n"
    (folder / "agents").mkdir()
    (folder / "agents" / "sealed.yaml").write_text(agent)
    seen = {each["name"]: each for each in (await rota("doctor", "--json", *options)).json}
    assert A.id in seen["drift"]["found"]
    assert seen["drift"]["cure"] == "put that key where this runs"

    async def needing(*_: object) -> None:
        raise KeyNeededError(f"needs {A.id}")

    monkeypatch.setattr("workers.cli.doctor.check_watchdog", needing)
    seen = {each["found"]: each for each in (await rota("doctor", "--json", *options)).json}
    assert (seen[f"needs {A.id}"]["name"], seen[f"needs {A.id}"]["ok"]) == ("encryption", False)
    assert {"drift", "worker"} <= {each["name"] for each in seen.values()}, "others are told, too"
    told = await rota("show", f"{name}-1", *options)
    assert (told.code, A.id in told.err, told.err.count("\n")) == (ExitCode.FAILED, True, 1)
    assert keeper_id(name) not in told.err


@pytest.mark.parametrize(
    ("place", "removable", "missing"),
    [(OPEN, False, True), (SCHEDULES, False, True), (OBJECTS, False, True), (CLOSED, True, False)],
)
def test_key_may_go_once_only_closed_runs_need_it(
    place: str, removable: bool, missing: bool
) -> None:
    """They can still be listed; whatever is open or stored would wait for it."""
    use = KeyUse()
    use.note(place, [A.id, PLAIN])
    found = KeysFound((B.id, A.id), True, use)
    assert (found.removable(A.id), found.removable(B.id)) == (removable, False)
    assert KeysFound((B.id,), True, use).missing == ([A.id] if missing else [])
    assert found.told == [B.id, A.id, PLAIN]
