"""Runs whose work a provider does by itself, as the command line shows them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.http_bench import HttpBench
from tests.contract.n8n_bench import N8nBench
from tests.workers.cli.command_line import end_of, start
from tests.workers.cli.conftest import FleetOnServer


@pytest.fixture
async def jobs(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpBench]:
    """A service that works by itself."""
    async with HttpBench() as bench:
        for name, value in bench.environment.items():
            monkeypatch.setenv(name, value)
        yield bench


@pytest.fixture
async def clerk(written: FleetOnServer, jobs: HttpBench) -> AsyncIterator[FleetOnServer]:
    """A fleet whose agent has the service do its work, applied and served."""
    document = {"name": written.agent, "runtime": jobs.settings()}
    written.file.write_text(json.dumps(document))  # which is YAML
    async with written.stack.worker([]):
        assert (await written.rota("apply")).code == 0
        yield written


async def started(fleet: FleetOnServer) -> str:
    """Start a run and return its id."""
    return (await fleet.rota("run", fleet.agent, "--no-wait")).out.strip()


async def shown_at_work(fleet: FleetOnServer, run: str) -> dict[str, Any]:
    """Wait until the run's work is heard of."""
    while True:
        document = (await fleet.rota("show", run, "--json")).json
        if document["progress"]:
            return document


async def test_show_tells_where_a_run_in_progress_works_and_cancel_that_it_stopped(
    clerk: FleetOnServer, jobs: HttpBench
) -> None:
    """Provider, session and progress meanwhile; at the end, that the provider has confirmed."""
    jobs.hang()
    run = await started(clerk)
    document = await shown_at_work(clerk, run)
    assert (document["runtime"], document["provider"]) == ("http", jobs.server.script.jobs[0].id)
    text = (await clerk.rota("show", run)).out
    assert f"runtime http at {document['provider']}\n" in text
    assert f"\nat work: {document['progress'][0]}\n" in text
    assert "0 turns" not in text
    listed = (await clerk.rota("runs", clerk.agent)).out.splitlines()
    assert listed[2].split()[1:4] == ["running", "-", "-"]

    ended = await clerk.rota("cancel", run)
    assert ended.code == 0, ended.err
    assert f"runtime http at {document['provider']}, has stopped" in ended.out
    assert jobs.stops == 1


async def test_cancel_of_work_that_cannot_be_stopped_does_not_say_that_it_has(
    clerk: FleetOnServer, jobs: HttpBench
) -> None:
    """Without a declared way: what may still work is told, and where to look."""
    settings = jobs.settings()
    del settings["cancel"]
    clerk.file.write_text(json.dumps({"name": clerk.agent, "runtime": settings}))
    assert (await clerk.rota("apply")).code == 0
    jobs.hang()
    run = await started(clerk)
    await shown_at_work(clerk, run)
    ended = await clerk.rota("cancel", run)
    told = "may still work: the service has no declared way to be stopped (runtime.cancel)"
    assert ", has stopped" not in ended.out
    assert told in ended.out
    shown = await clerk.rota("show", run)
    assert f"{told} (see 'rota doctor')" in shown.out
    assert ", has stopped" not in shown.out
    assert (await clerk.rota("show", run, "--json")).json["unstopped"] in told


async def test_watch_tells_progress_beside_the_steps(clerk: FleetOnServer, jobs: HttpBench) -> None:
    """What the provider says of itself, once each, while it works."""
    jobs.trickle("All well.", pause=1.0, pieces=60)
    run = await started(clerk)
    watching = start("watch", run, *clerk.options)
    assert watching.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(60):
        while sum(line.startswith("running ") for line in lines) < 2:
            line = await asyncio.to_thread(watching.stdout.readline)
            assert line, "it ended before the provider did"
            lines.append(line.rstrip().split("  ", 1)[-1])
    assert (await clerk.rota("cancel", run)).code == 0
    await end_of(watching)
    assert lines[0] == "started"
    told = [line for line in lines if line.startswith("running ")]
    assert len(told) == len(set(told))


async def test_show_says_who_reported_the_cost(clerk: FleetOnServer, jobs: HttpBench) -> None:
    """It is the service's word, not a price table's."""
    jobs.answer("All well.")
    run = (await clerk.rota("run", clerk.agent, "--json")).json["run_id"]
    text = (await clerk.rota("show", run)).out
    assert "reported by http" in text
    assert "given to the session:" in text


async def test_show_tells_what_the_work_left_behind(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each link with its name on a line: where people look at what the provider did."""
    async with N8nBench() as bench, written.stack.worker([]):
        for name, value in bench.environment.items():
            monkeypatch.setenv(name, value)
        written.file.write_text(json.dumps({"name": written.agent, "runtime": bench.settings()}))
        assert (await written.rota("apply")).code == 0
        bench.answer("All well.")
        run = (await written.rota("run", written.agent, "--json")).json["run_id"]
        document = (await written.rota("show", run, "--json")).json
        text = (await written.rota("show", run)).out
    link = document["links"]["execution"]
    assert link.startswith(f"{bench.server.url}/workflow/")
    assert f"\nexecution {link}\n" in text
    assert "may still work" not in text
