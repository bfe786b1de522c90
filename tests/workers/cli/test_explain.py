"""`rota explain` on the real server: ledger, pages, schedule and what they leave open."""

from datetime import timedelta

import pytest

from activities.tools.fleet import load_tools
from rota.ids import parse_slot, scheduled_run_id
from tests.stack import script
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import poll
from workers.cli.exit_codes import ExitCode

SLOT = "2026-01-05T06:00:00Z"


async def test_explain_of_a_slot_that_ran_prints_a_numbered_chain(served: FleetOnServer) -> None:
    """From the schedule, over the run, to its result."""
    run = f"{served.agent}-1"
    await served.rota("run", served.agent, "--slot", SLOT, "--id", run)
    ended = await served.rota("explain", served.agent, SLOT)
    assert ended.code == ExitCode.OK, ended.err
    first, *chain, truths = ended.out.splitlines()
    assert truths.startswith("truths: fired ")
    assert " · executed " in truths
    assert " · verified " in truths
    assert truths.endswith(" · announced -")
    assert first == f"{served.agent} · slot {SLOT} · succeeded · {run}"
    assert [line.split(".")[0] for line in chain] == [str(n) for n in range(1, len(chain) + 1)]
    assert f"{run} was started by hand" in chain[1]
    assert f"{run} succeeded at" in chain[2]


async def test_explain_json_of_a_skipped_repeat_tells_the_run_before(
    served: FleetOnServer,
) -> None:
    """A backfill of a slot that has succeeded is skipped, and the chain says for whom."""
    first = f"{served.agent}-1"
    await served.rota("run", served.agent, "--slot", SLOT, "--id", first)
    await served.stack.run(served.agent, f"{served.agent}-2", slot=SLOT, trigger="backfill")
    document = (await served.rota("explain", served.agent, SLOT, "--json")).json
    assert (document["outcome"], document["run_id"]) == ("succeeded", first)
    (skipped,) = [link for link in document["chain"] if link["kind"] == "skipped"]
    assert skipped["text"].endswith(f"slot already succeeded as {first}")
    assert len(document["entries"]) == 2
    (shown,) = (await served.rota("runs", served.agent, "--status", "succeeded", "--json")).json
    assert {name: truth["state"] for name, truth in shown["truths"].items()} == {
        **dict.fromkeys(("fired", "admitted", "executed", "verified"), "yes"),
        "announced": "unknown",
    }
    assert document["truths"]["announced"]["state"] == "not_applicable"


async def test_explain_of_a_time_that_is_no_slot_names_the_nearest(
    served: FleetOnServer,
) -> None:
    """The declared schedule is asked, and the live one whether it is paused."""
    await served.stack.declare(
        served.agent, runtime=script({"result": "done"}), schedule={"cron": "0 6 * * *"}
    )
    assert (await served.rota("pause", served.agent, "--note", "bank is down")).code == 0
    ended = await served.rota("explain", served.agent, "2026-01-05T06:07:00Z")
    assert f"the nearest: {SLOT} and 2026-01-06T06:00:00Z" in ended.out
    future = await served.rota("explain", served.agent, "2099-01-05T06:00:00Z")
    assert "it lies in the future" in future.out
    assert "the schedule is paused (bank is down)" in future.out


async def test_explain_of_a_run_that_was_never_admitted_finds_it_on_the_server(
    served: FleetOnServer,
) -> None:
    """Fired and admitted are two truths: a run that nobody serves is told as what it is."""
    run = scheduled_run_id(served.agent, parse_slot(SLOT))
    handle = await served.stack.client.start_workflow(
        "AgentRun", {"agent": served.agent}, id=run, task_queue=f"{served.agent}-nobody"
    )
    ended = await served.rota("explain", served.agent, SLOT)
    await handle.terminate()
    assert f"the server started {run} at" in ended.out
    assert "which has not been admitted yet" in ended.out


async def test_explain_of_a_run_that_waited_tells_for_what(served: FleetOnServer) -> None:
    """From its own history: the lease that another run held."""
    slow, quick = script({"result": "done", "seconds": 0.3}), f"{served.agent}-quick"
    await served.stack.declare(served.agent, runtime=slow)
    first = await served.stack.start(served.agent, f"{served.agent}-slow")
    await poll(lambda: _is_at_work(served))
    await served.stack.run(served.agent, quick, slot=SLOT)
    await first.result()
    document = (await served.rota("explain", served.agent, SLOT, "--json")).json
    kinds = [link["kind"] for link in document["chain"]]
    assert kinds[:4] == ["slot", "started", "waited", "ended"]
    assert document["chain"][2]["text"].startswith("it waited 0.")
    assert f"{served.agent}-slow" in document["chain"][2]["text"]


async def _is_at_work(served: FleetOnServer) -> bool | None:
    return bool((await served.stack.keeper(served.agent)).session("default").holder) or None


async def test_explain_of_an_unknown_agent_ends_with_4_and_a_suggestion(
    served: FleetOnServer,
) -> None:
    """As every command that takes a name."""
    ended = await served.rota("explain", f"{served.agent}x", SLOT)
    assert ended.code == ExitCode.NOT_FOUND
    assert f"no agent or pipeline '{served.agent}x' is declared here" in ended.err


@pytest.mark.parametrize("slot", ["yesterday", "0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00Z"])
async def test_explain_of_something_that_is_no_time_ends_with_2(
    written: FleetOnServer, slot: str
) -> None:
    """One line, before any server is asked."""
    ended = await written.rota("explain", written.agent, slot)
    assert (ended.code, len(ended.err.splitlines())) == (ExitCode.WRONG, 1)


async def test_explain_without_a_worker_ends_with_3_and_says_what_to_start(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is the keeper's: without a worker nobody can tell it."""
    tools = list(load_tools(written.folder).values())
    async with written.stack.worker(tools):
        assert (await written.rota("apply")).code == ExitCode.OK
    monkeypatch.setattr("workers.cli.standing.ANSWER", timedelta(seconds=1))
    ended = await written.rota("explain", written.agent, SLOT)
    assert ended.code == ExitCode.NO_SERVER, ended.err
    assert "start one with 'rota worker'" in ended.err
