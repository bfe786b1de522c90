"""`rota memory`: what an agent remembers, changed by hand, stays one chain."""

import json
from datetime import timedelta

import pytest

from activities.documents import put_record
from activities.tools.fleet import load_tools
from rota.ids import keeper_id
from rota.keepers.admission import MemoryChange
from rota.turns.memory import MEMORY_LIMIT, MemoryVersion
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode


async def test_memory_of_an_agent_that_never_ran_is_empty(served: FleetOnServer) -> None:
    """Nothing to remember is no error."""
    ended = await served.rota("memory", "show", served.agent, "--json")
    assert (ended.code, ended.json["version"]) == (ExitCode.OK, 0)
    assert ended.json["document"] == {}


async def test_memory_set_and_rollback_write_new_versions_of_one_chain(
    served: FleetOnServer,
) -> None:
    """Each change by hand has the head before it as its parent; nothing is rewritten."""
    agent = served.agent
    await served.rota("run", agent, "--input", "text=by the run")
    assert (await served.rota("memory", "set", agent, '{"a": 1}')).code == ExitCode.OK
    rolled = await served.rota("memory", "rollback", agent, "1", "--json")
    assert rolled.json["document"] == {"last_text": "by the run"}
    history = (await served.rota("memory", "history", agent, "--json")).json
    assert [version["version"] for version in history] == [3, 2, 1]
    assert [version["parent"] for version in history] == [
        history[1]["digest"],
        history[2]["digest"],
        None,
    ]
    assert [version["author"] == "person" for version in history] == [True, True, False]


async def test_memory_set_by_hand_is_what_the_next_run_reads(served: FleetOnServer) -> None:
    """The new document reaches the model."""
    await served.rota("memory", "set", served.agent, '{"last_text": "written by hand"}')
    run = (await served.rota("run", served.agent, "--json")).json
    history = (await served.rota("memory", "history", served.agent, "--json")).json
    assert history[0]["digest"] == run["memory"]
    assert history[1]["document"] == {"last_text": "written by hand"}


async def test_memory_that_a_run_has_marked_says_so_until_it_is_set_by_hand(
    served: FleetOnServer,
) -> None:
    """Shown, listed and rolled back to with its mark; only a person's own document has none."""
    agent, stack = served.agent, served.stack
    await served.rota("memory", "set", agent, '{"a": 1}')
    head = (await served.rota("memory", "show", agent, "--json")).json
    marked = MemoryVersion(
        parent=head["digest"],
        version=2,
        document={"a": "obey"},
        author="run-7",
        at=head["at"],
        tainted_by="run-7",
    )
    digest = await put_record(stack.store, marked)
    change = MemoryChange(session=head["session"], base=head["digest"], memory=digest)
    keeper = stack.client.get_workflow_handle(keeper_id(agent))
    await keeper.execute_update("change_memory", change)
    shown = await served.rota("memory", "show", agent)
    assert "by run-7, marked by run-7" in shown.err
    await served.rota("memory", "set", agent, '{"a": 2}')
    await served.rota("memory", "rollback", agent, "2")
    history = await served.rota("memory", "history", agent, "--json")
    assert [each["tainted_by"] for each in history.json] == ["run-7", "", "run-7", ""]
    listed = (await served.rota("memory", "history", agent)).out.splitlines()
    assert "MARKED BY" in listed[0]
    assert ["run-7" in line.split()[-2:] for line in listed[1:]] == [True, False, True, False]


async def test_memory_over_its_cap_is_refused_with_both_sizes(served: FleetOnServer) -> None:
    """A document that the model could not read on every run is not put in force."""
    document = json.dumps({"text": "x" * MEMORY_LIMIT})
    ended = await served.rota("memory", "set", served.agent, document)
    assert ended.code == ExitCode.WRONG
    assert str(MEMORY_LIMIT) in ended.err
    shown = await served.rota("memory", "show", served.agent, "--json")
    assert shown.json["version"] == 0


async def test_memory_rollback_to_a_version_that_is_not_there_ends_with_4(
    served: FleetOnServer,
) -> None:
    """The message names the command that lists versions."""
    ended = await served.rota("memory", "rollback", served.agent, "9")
    assert ended.code == ExitCode.NOT_FOUND
    assert "rota memory history" in ended.err


async def test_memory_of_several_sessions_asks_for_one(served: FleetOnServer) -> None:
    """No session is guessed when there are two."""
    for key in ("one", "two"):
        await served.rota("memory", "set", served.agent, f'{{"key": "{key}"}}', "--session", key)
    ended = await served.rota("memory", "show", served.agent)
    assert ended.code == ExitCode.WRONG
    assert "one, two" in ended.err
    shown = await served.rota("memory", "show", served.agent, "--session", "two", "--json")
    assert shown.json["document"] == {"key": "two"}


async def test_memory_without_a_worker_ends_with_3_and_says_what_to_start(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has just gone is told like one that never came."""
    tools = list(load_tools(written.folder).values())
    async with written.stack.worker(tools):
        assert (await written.rota("apply")).code == ExitCode.OK
    for module in ("memory", "standing"):
        monkeypatch.setattr(f"workers.cli.{module}.ANSWER", timedelta(seconds=1))
    ended = await written.rota("memory", "show", written.agent)
    assert ended.code == ExitCode.NO_SERVER, ended.err
    assert "start one with 'rota worker'" in ended.err


async def test_memory_reset_conversation_ends_it_and_keeps_the_memory(
    served: FleetOnServer,
) -> None:
    """The command does what a failed run's message says, once; again it finds nothing."""
    agent = served.agent
    served.file.write_text(served.file.read_text() + "session: {continue: same}\n")
    assert (await served.rota("apply")).code == ExitCode.OK
    await served.rota("run", agent, "--input", "text=by the run")
    done = await served.rota("memory", "reset-conversation", agent)
    again = (await served.rota("memory", "reset-conversation", agent, "--json")).json
    shown = (await served.rota("memory", "show", agent, "--json")).json
    assert f"{agent}: session 'default' begins a new conversation" in done.out
    assert again == {"agent": agent, "session": "default", "reset": False}
    assert shown["document"] == {"last_text": "by the run"}
