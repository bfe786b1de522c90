"""`run`, `runs`, `show`, `watch`, `cancel`: one run, from the command line."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rota.runs import AgentRunResult
from tests.workers.cli.command_line import end_of, rota, start
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode
from workers.devserver import free_port

TEXT = "The quick brown fox jumps over the lazy dog"


async def test_run_waits_and_prints_the_run_as_json(served: FleetOnServer) -> None:
    """The result of a run is on standard output, and nothing else is."""
    ended = await served.rota("run", served.agent, "--json", "--input", "text=one two")
    assert ended.code == ExitCode.OK, ended.err
    run = ended.json
    assert AgentRunResult.model_validate(run).status == "succeeded"
    assert run["output"] == {"greeting": "Hello, I have counted the words of: one two"}
    assert (run["turns"], run["tool_calls"]) == (3, 2)
    assert run["run_id"].startswith(f"{served.agent}-manual-")


async def test_run_with_follow_names_each_turn_and_tool(served: FleetOnServer) -> None:
    """Every step shows up, on standard error, before the result."""
    ended = await served.rota("run", served.agent, "--follow", "--slot", "2026-11-22T06:00:00Z")
    for step in ("turn 1 · scripted", "tool text.count_words", "tool memory.update", "turn 3"):
        assert f"{step}" in ended.err
    assert "slot 2026-11-22T06:00:00Z" in ended.out


async def test_run_of_an_unknown_agent_ends_with_4_and_starts_nothing(
    served: FleetOnServer,
) -> None:
    """A wrong name is told at once, with the right one."""
    wrong = served.agent.replace("hello", "helo")
    ended = await served.rota("run", wrong, "--id", f"run-of-{wrong}")
    assert (ended.code, ended.out) == (ExitCode.NOT_FOUND, "")
    told = f"error: no agent or pipeline '{wrong}' is declared here; did you mean 'hello"
    assert ended.err.startswith(told)
    assert len(ended.err.splitlines()) == 1
    assert (await served.rota("show", f"run-of-{wrong}")).code == ExitCode.NOT_FOUND


BAD_INPUTS = ['{"a": nope}', "[1]", "{", "@no-such-file.json", "nonsense", "=1", '{"a": NaN}']


@pytest.mark.parametrize("value", BAD_INPUTS)
async def test_run_with_wrong_input_ends_with_2_before_it_connects(value: str) -> None:
    """Input that is no JSON object is told without a server."""
    ended = await rota("run", "hello", "--input", value, "--address", "127.0.0.1:1")
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert "--input" in ended.err or value in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_run_of_a_slot_to_come_ends_with_2_before_it_connects() -> None:
    """A mistyped year must not take the place of a run that its schedule still owes."""
    ended = await rota("run", "report", "--slot", "2199-01-01T05:00:00Z")
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert "--slot: 2199-01-01T05:00:00Z lies in the future" in ended.err


async def test_run_merges_inputs_of_every_form(served: FleetOnServer, tmp_path: Path) -> None:
    """A file, an object and single keys are laid over each other in their order."""
    (tmp_path / "input.json").write_text('{"text": "from a file", "n": 1}')
    inputs = ("--input", f"@{tmp_path}/input.json", "--input", "n=2", "--input", "text=last word")
    ended = await served.rota("run", served.agent, "--json", *inputs)
    assert ended.json["output"]["greeting"].endswith(": last word")
    shown = await served.rota("show", ended.json["run_id"], "--json")
    assert shown.json["turns"][0]["calls"][0]["args"] == {"text": "last word"}


async def test_run_with_an_id_that_exists_ends_with_1(served: FleetOnServer) -> None:
    """An id names one run for ever: a second start under it is refused."""
    first = await served.rota("run", served.agent, "--id", f"{served.agent}-once")
    again = await served.rota("run", served.agent, "--id", f"{served.agent}-once")
    assert (first.code, again.code) == (ExitCode.OK, ExitCode.FAILED)
    assert "exists already" in again.err


async def test_run_that_fails_ends_with_1_and_says_why(served: FleetOnServer) -> None:
    """The reason of a failed run is printed, and its code is not 0."""
    served.change("{greeting: {type: string}}", "{greeting: {type: integer}}")
    assert (await served.rota("apply")).code == ExitCode.OK
    ended = await served.rota("run", served.agent)
    assert ended.code == ExitCode.FAILED
    assert ended.out.startswith("failed")
    assert "\nreason: " in ended.out


async def test_runs_lists_newest_first_and_by_status(served: FleetOnServer) -> None:
    """What ran is listed with its counts, filtered as asked."""
    ids = [(await served.rota("run", served.agent, "--json")).json["run_id"] for _ in range(2)]
    listed = await _listed(served, ids)
    assert [run["run_id"] for run in listed] == list(reversed(ids))
    assert (listed[0]["turns"], listed[0]["tool_calls"]) == (3, 2)
    assert (await served.rota("runs", served.agent, "--status", "failed", "--json")).json == []
    table = await served.rota("runs", served.agent, "--limit", "1")
    assert ids[1] in table.out
    assert ids[0] not in table.out


async def test_show_prints_the_transcript_from_the_store(served: FleetOnServer) -> None:
    """What was said, called and answered can be read, with a link to the UI."""
    run_id = (await served.rota("run", served.agent, "--json")).json["run_id"]
    ended = await served.rota("show", run_id)
    assert f'text.count_words {{"text": "{TEXT}"}}' in ended.out
    assert '→ {"words": 9, "characters": 43}' in ended.out
    assert f"/namespaces/default/workflows/{run_id}" in ended.out


async def test_show_of_a_run_whose_input_was_refused_says_why(served: FleetOnServer) -> None:
    """The reason is the failure's own: such a run never had a result."""
    run_id = f"{served.agent}-refused"
    await served.stack.client.start_workflow(
        "AgentRun", {"agnt": "x"}, id=run_id, task_queue=served.stack.task_queue
    )
    watched = await served.rota("watch", run_id)
    assert watched.code == ExitCode.FAILED
    shown = await served.rota("show", run_id)
    for ended in (watched, shown):
        assert "reason: Not a valid input of AgentRun: agent: Field required" in ended.out
    assert shown.out.startswith(f"{run_id} · no agent · manual")


async def test_show_without_the_workers_store_still_shows_the_result(
    served: FleetOnServer, tmp_path: Path
) -> None:
    """A missing transcript is a note, not an error: the result is on the server."""
    run_id = (await served.rota("run", served.agent, "--json")).json["run_id"]
    other = ("--store", str(tmp_path / "elsewhere"))
    shown = await rota("show", run_id, "--json", "--address", served.stack.address, *other)
    assert shown.code == ExitCode.OK
    assert shown.json["output"]["greeting"].endswith(TEXT)
    assert shown.json["turns"] == []
    assert "--store" in shown.json["note"]


async def test_cancel_waits_until_the_run_has_ended_as_cancelled(served: FleetOnServer) -> None:
    """Cancelling is confirmed, and watching the run ends with 1."""
    served.change("say: I count the words first.", "say: I count.\n      seconds: 60")
    assert (await served.rota("apply")).code == ExitCode.OK
    run_id = (await served.rota("run", served.agent, "--no-wait")).out.strip()
    watching = start("watch", run_id, *served.options)
    ended = await served.rota("cancel", run_id, "--json")
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["status"] == "cancelled"
    watched = await end_of(watching)
    assert watched.code == ExitCode.FAILED
    assert "cancellation requested" in watched.out
    again = await served.rota("cancel", run_id)
    assert (again.code, "cancelled" in again.err) == (ExitCode.FAILED, True)


async def test_interrupt_while_waiting_leaves_the_run_alone(served: FleetOnServer) -> None:
    """Ctrl-C stops waiting, says how to go on, and the run succeeds."""
    served.change("say: I count the words first.", "say: I count.\n      seconds: 2")
    assert (await served.rota("apply")).code == ExitCode.OK
    run_id = f"{served.agent}-detached"
    process = start("run", served.agent, "--id", run_id, *served.options)
    await _line(process, "started")
    process.send_signal(signal.SIGINT)
    ended = await end_of(process)
    assert (ended.code, ended.out) == (ExitCode.INTERRUPTED, "")
    assert f"rota watch {run_id}" in ended.err
    assert (await served.rota("watch", run_id)).code == ExitCode.OK


async def test_interrupt_while_watching_leaves_the_run_alone(served: FleetOnServer) -> None:
    """Ctrl-C stops watching, says that the run goes on, and it does."""
    served.change("say: I count the words first.", "say: I count.\n      seconds: 60")
    assert (await served.rota("apply")).code == ExitCode.OK
    run_id = (await served.rota("run", served.agent, "--no-wait")).out.strip()
    process = start("watch", run_id, *served.options)
    assert process.stdout is not None
    assert "started" in await asyncio.to_thread(process.stdout.readline)
    process.send_signal(signal.SIGINT)
    ended = await end_of(process)
    assert ended.code == ExitCode.INTERRUPTED
    assert f"no longer watching; {run_id} goes on" in ended.err
    assert (await served.rota("cancel", run_id)).code == ExitCode.OK


async def test_command_without_a_server_ends_with_3_and_says_where_it_looked() -> None:
    """No server is one line that names the address and what to start."""
    address = f"127.0.0.1:{free_port()}"
    ended = await end_of(start("runs", "--address", address))
    assert (ended.code, ended.out) == (ExitCode.NO_SERVER, "")
    assert address in ended.err
    assert "rota dev" in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_reader_that_goes_away_ends_the_command_quietly(served: FleetOnServer) -> None:
    """`rota schema | head -1` is no error worth a traceback."""
    process = start("schema")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ended = await end_of(process)
    assert ended.code == ExitCode.PIPE_CLOSED
    assert ended.err in ("", None)


async def _listed(fleet: FleetOnServer, ids: list[str]) -> list[dict[str, Any]]:
    """List runs once visibility, which is a moment behind, has the end of all of them."""
    while True:
        listed = (await fleet.rota("runs", fleet.agent, "--json")).json
        if [run["status"] for run in listed] == ["succeeded"] * len(ids):
            return listed


async def _line(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stderr is not None
    line = await asyncio.to_thread(process.stderr.readline)
    assert text in line
