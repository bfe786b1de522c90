"""A fleet on a real server, as Prometheus sees it: once each, and in step with the ledger."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import WorkflowHandle

from rota.ids import keeper_id
from rota.metrics.listed import PARTS
from rota.pinned_spec import PinnedSpec
from schedules.keepers import retire
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack, script
from tests.workers.gateway.gateways import gateway_of, served
from tests.workflows.gates import GATED, Gate, poll
from workers.devserver import dev_server
from workers.exporter import exporter
from workers.exporter.exporter import Exporter, NothingReadError, registry_of

ANSWER: dict[str, Any] = {"runtime": script({"result": "done"})}
INFO = {"kind": "Agent", "team": "default", "runtime": "scripted", "model": ""}

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def declare(stack: Stack, name: str, **declaration: Any) -> str:
    """Declare an agent of a fleet of its own, so that a look is not at all tests' agents."""
    agent = stack.name(name)
    spec = await stack.declare(agent, **declaration)
    keeper = stack.client.get_workflow_handle(keeper_id(agent))
    await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=stack.task_queue))
    return agent


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scrape looks."""
    monkeypatch.setattr(exporter, "SHORTEST", 0.0)
    monkeypatch.setattr(exporter, "SHARE", 0)


@asynccontextmanager
async def exporting(stack: Stack) -> AsyncGenerator[Exporter]:
    """An exporter of the stack's fleet, asked once the lists have its agents."""
    exporter = Exporter(stack.client, stack.task_queue)
    try:
        yield exporter
    finally:
        await exporter.aclose()


async def series_of(exporter: Exporter, agents: int) -> Series:
    """Scrape until so many agents have been heard."""

    async def scraped() -> Series | None:
        found: Series = {}
        text = generate_latest(registry_of(await exporter.scrape())).decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        heard = found["rota_exporter_agents", (("state", "heard"),)]
        return found if heard >= agents else None

    return await poll(scraped)


def value(series: Series, name: str, **labels: str) -> float | None:
    """One of them."""
    return series.get((name, tuple(sorted(labels.items()))))


def runs_told(series: Series, agent: str) -> Counter[tuple[str, str]]:
    """Runs that have ended, by outcome and trigger; without noughts."""
    found = Counter[tuple[str, str]]()
    for (name, labels), count in series.items():
        told = dict(labels)
        if name == "rota_runs_total" and told["agent"] == agent and count:
            found[told["outcome"], told["trigger"]] = int(count)
    return found


async def runs_listed(stack: Stack, agent: str) -> Counter[tuple[str, str]]:
    """The same by the keeper's ledger."""
    entries = (await stack.keeper(agent)).ledger.values()
    return Counter((e.status.value, e.trigger.value) for e in entries if e.status.closed)


async def test_fleet_is_told_from_nought_to_its_runs(stack: Stack) -> None:
    """Each declared agent is there before its first run; what it does is counted once."""
    async with stack.worker(), exporting(stack) as reading:
        quiet = await declare(stack, "quiet", **ANSWER)
        busy = await declare(stack, "busy", **ANSWER)
        before = await series_of(reading, 2)
        for agent in (quiet, busy):
            assert value(before, "rota_agent_info", agent=agent, **INFO) == 1
            for outcome in ("succeeded", "failed"):
                labels = {"agent": agent, "outcome": outcome, "trigger": "manual"}
                assert value(before, "rota_runs_total", **labels) == 0
        for number in range(3):
            await stack.run(busy, f"{busy}-{number}")
        after = await series_of(reading, 2)
        assert runs_told(after, quiet) == Counter()
        assert runs_told(after, busy) == await runs_listed(stack, busy)
        assert runs_told(after, busy) == {("succeeded", "manual"): 3}
        assert value(after, "rota_run_duration_seconds_count", agent=busy) == 3
        for part in PARTS:
            assert value(after, "rota_exporter_failures_total", part=part) == 0


async def test_run_is_counted_once_over_workers_that_stop_and_replay(stack: Stack) -> None:
    """A worker goes amid a run, another replays all there is and takes the step again."""
    first, second = Gate(), Gate()
    second.opened.set()
    async with exporting(stack) as reading:
        async with stack.worker([first.tool]):
            agent = await declare(stack, "gated", **GATED)
            handle = await stack.start(agent, f"{agent}-1")
            await first.reached.wait()
        async with stack.worker([second.tool]):
            await handle.result()
            await series_of(reading, 1)
        async with stack.worker([second.tool]):
            series = await series_of(reading, 1)
            assert runs_told(series, agent) == await runs_listed(stack, agent)
            assert runs_told(series, agent) == {("succeeded", "manual"): 1}
            told = {"agent": agent, "decision": "allowed"}
            assert value(series, "rota_tool_calls_total", **told) == 1


@pytest.mark.soak
async def test_totals_agree_with_the_ledger_after_workers_are_killed(stack: Stack) -> None:
    """Killed with -9 again and again amid twenty runs: each counts once."""
    async with exporting(stack) as reading:
        agent = ""
        handles: list[WorkflowHandle[Any, Any]] = []
        for round in range(4):
            async with worker_process(stack) as process:
                agent = agent or await declare(stack, "killed", **ANSWER)
                names = [f"{agent}-{round}-{number}" for number in range(5)]
                handles += [await stack.start(agent, name) for name in names]
                # Killed with none of them ended, then with one, …
                await asyncio.gather(*(handle.result() for handle in handles[5 * round :][:round]))
                kill(process)
        async with worker_process(stack):
            await asyncio.gather(*(handle.result() for handle in handles))
            series = await series_of(reading, 1)
            assert runs_told(series, agent) == await runs_listed(stack, agent)
            assert runs_told(series, agent) == {("succeeded", "manual"): 20}


async def test_fleet_without_a_worker_is_told_as_it_was(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counters do not fall to nought while nobody answers; a gateway that never heard says none."""
    monkeypatch.setattr("workers.exporter.looks.PATIENCE", timedelta(seconds=0.3))
    async with exporting(stack) as reading, exporting(stack) as new:
        async with stack.worker():
            agent = await declare(stack, "left", **ANSWER)
            await stack.run(agent, f"{agent}-1")
            before = await series_of(reading, 1)
        series = await series_of(reading, 0)
        assert value(series, "rota_exporter_agents", state="unheard") == 1
        assert runs_told(series, agent) == runs_told(before, agent)
        fresh = await series_of(new, 0)
        assert value(fresh, "rota_agent_frozen", agent=agent) is None
        assert value(fresh, "rota_exporter_agents", state="unheard") == 1


async def test_scrapes_at_once_are_one_look(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many Prometheus servers there are, the keepers are asked once."""
    monkeypatch.setattr(exporter, "SHORTEST", 60.0)
    looked = 0

    async def keepers(*_: object) -> dict[str, None]:
        nonlocal looked
        looked += 1
        return {}

    monkeypatch.setattr("workers.exporter.looks.keepers", keepers)
    async with exporting(stack) as reading:
        first = await asyncio.gather(*(reading.scrape() for _ in range(10)))
        again = await reading.scrape()
    assert looked == 1
    assert all(each is again for each in first)


async def test_first_look_that_takes_long_is_not_told_as_nought(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who scrapes before there is anything is told to come again."""
    monkeypatch.setattr(exporter, "WAIT_SECONDS", 0.01)

    async def never(*_: object) -> dict[str, None]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr("workers.exporter.looks.keepers", never)
    async with exporting(stack) as reading:
        with pytest.raises(NothingReadError):
            await reading.scrape()


async def test_metrics_of_the_gateway_need_its_token(stack: Stack) -> None:
    """In the format that whoever asks prefers; strangers read nothing."""
    async with served(gateway_of(stack, token="sixteen letters or more")) as asking:
        stranger = await asking.get("/metrics")
        headers = {
            "Authorization": "Bearer sixteen letters or more",
            "Accept": "application/openmetrics-text; version=1.0.0",
        }
        known = await asking.get("/metrics", headers=headers)
    assert (stranger.status_code, stranger.text) == (401, "unauthorized\n")
    assert known.status_code == 200
    assert known.headers["content-type"].startswith("application/openmetrics-text")
    assert known.text.endswith("# EOF\n")
    assert known.headers["content-encoding"] == "gzip"


async def test_part_that_cannot_be_read_is_told_and_hides_no_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A counter says that it failed, the log why, and the rest is told as always."""

    async def away(*_: object) -> None:
        raise OSError("the lists are away")

    monkeypatch.setattr("workers.exporter.looks.schedules", away)
    async with stack.worker(), exporting(stack) as reading:
        agent = await declare(stack, "told", **ANSWER)
        series = await series_of(reading, 1)
    assert value(series, "rota_agent_frozen", agent=agent) == 0
    assert (value(series, "rota_exporter_failures_total", part="schedules") or 0) > 0
    assert value(series, "rota_exporter_failures_total", part="waits") == 0
    assert "metrics: the schedules could not be read: OSError: the lists are away" in caplog.text


async def test_agent_that_is_declared_no_longer_is_told_no_longer(stack: Stack) -> None:
    """Its keeper lives on, and knows all it did; its series end."""
    async with stack.worker(), exporting(stack) as reading:
        stays, goes = [await declare(stack, name, **ANSWER) for name in ("stays", "goes")]
        await series_of(reading, 2)
        await retire(stack.client, goes, stack.task_queue, timedelta(seconds=10))

        async def gone() -> Series | None:
            series = await series_of(reading, 1)
            told = {dict(labels).get("agent") for _, labels in series} - {None}
            return series if told == {stays} else None

        assert value(await poll(gone), "rota_exporter_agents", state="unheard") == 0


async def test_scrape_is_quick_and_says_how_old_it_is_while_the_server_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No part is read any more: each keeps its values, and the time at which it was read."""
    async with AsyncExitStack() as standing:
        server = await standing.enter_async_context(dev_server())
        stack = await open_stack(server.address, tmp_path)
        async with exporting(stack) as reading:
            async with stack.worker():
                agent = await declare(stack, "left", **ANSWER)
                before = await series_of(reading, 1)
            await standing.aclose()
            monkeypatch.setattr(exporter, "PART_SECONDS", 0.2)
            began = time.monotonic()
            after = await series_of(reading, 0)
            took = time.monotonic() - began
    assert took < exporter.WAIT_SECONDS
    assert value(after, "rota_agent_info", agent=agent, **INFO) == 1
    for part in PARTS:
        name = "rota_exporter_last_look_timestamp_seconds"
        assert value(after, name, part=part) == value(before, name, part=part) != 0
        assert value(after, "rota_exporter_failures_total", part=part) == 1
