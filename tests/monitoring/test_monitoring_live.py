"""Boards and alerts against what a real Prometheus scrapes of a fleet in trouble."""

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.grafana.boards.temporal_metrics import TEMPORAL
from rota.metrics.kinds import Source
from rota.metrics.listed import METRICS
from schedules.fleet import load_fleet_file
from tests.monitoring.committed import PROMETHEUS, Shown, alerts, choices, rules, shown
from tests.monitoring.promql import PARTS_OF_HISTOGRAMS, substituted
from tests.monitoring.stage import AGENTS, Stage
from tests.processes.worker_process import worker_process
from tests.prometheus import Prometheus, prometheus_server
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of, served
from tests.workflows.gates import poll
from workers.devserver import DevServer, free_port
from workers.exporter import exporter, looks

SILENT = {
    "Rota / Schedules and slots: Starts that were not made: {{namespace}} too late": (
        "a slot must be older than ten seconds at least, with its server down all the while"
    ),
    "Rota / Schedules and slots: Starts that were not made: {{namespace}} too many": (
        "a thousand starts of one schedule must wait at once"
    ),
    "Rota / Schedules and slots: Starts that were not made: {{namespace}} too often": (
        "the server lets schedules start more a second than this machine can"
    ),
    "Rota / Worker and Temporal: Refused for the server's limits: {{resource_exhausted_cause}}": (
        "the server of tests has limits that are far away"
    ),
    "Rota / Worker and Temporal: Calls of the database that failed: {{service_name}}": (
        "the database of tests does not fail"
    ),
}
"""Queries that need not return anything here, each with its reason."""

ACTIVE = {
    "RotaAgentBlocked",
    "RotaAlwaysFiring",
    "RotaBreakerOpen",
    "RotaBudgetBlocked",
    "RotaCostBurn",
    "RotaCostUnknown",
    "RotaEffectUnknown",
    "RotaErrorBudget",
    "RotaModelErrors",
    "RotaNoSuccess",
    "RotaRunMissed",
    "RotaRunParked",
    "RotaRunStuck",
    "RotaToolDenied",
    "RotaWatchdogAlert",
}
"""Alerts that have seen what they look for: they fire, or would if it went on."""

WITHOUT_WORKERS = {"RotaKeepersUnheard", "RotaNoWorker"}
"""Once the worker is gone."""
WITHOUT_GATEWAY = {"RotaGatewayGone"}

PATIENT = {
    "RotaApprovalWaiting": "a decision must be missing for four hours",
    "RotaArchiveLag": "a closed run must wait for six hours",
    "RotaAuditBroken": "a record must be changed in the store, or six hours go by",
    "RotaBacklog": "one task in twenty must wait for more than a second",
    "RotaCatchupMissed": "the server must be down for longer than a catch-up window",
    "RotaCostUnusual": "it compares with a week",
    "RotaEffectRepeated": "four runs must ask for what has happened in earlier ones",
    "RotaFleetSilent": "nothing may begin for a quarter of an hour",
    "RotaMetricsOld": "no look may end for five minutes",
    "RotaNonDeterminism": "a worker must go on with other code than it began with",
    "RotaScheduleOverdue": "the server must stand still for ten minutes",
    "RotaWatchdogGone": "no check may begin for a quarter of an hour",
}
"""Alerts whose trouble is not to be had soon; promtool alone plays them."""

SOON = 60.0
"""Seconds after which what has happened must have been seen, on a machine with other work."""

WELL = {"RotaMetricsOld", "RotaWatchdogGone"} | WITHOUT_WORKERS | WITHOUT_GATEWAY
"""Alerts about what is in order all the while."""


def scraping(addresses: dict[str, str]) -> dict[str, Any]:
    """The committed configuration, for these targets, and quicker."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(PROMETHEUS / pattern) for pattern in config["rule_files"]]
    jobs = [job["job_name"] for job in config["scrape_configs"]]
    assert set(addresses) <= set(jobs)
    config["scrape_configs"] = [
        {"job_name": job, "static_configs": [{"targets": [address]}]}
        for job, address in addresses.items()
    ]
    return config


@dataclass
class Trouble:
    """A fleet in which all has gone wrong twice, scraped between and after."""

    prometheus: Prometheus
    stop_worker: Callable[[], Awaitable[None]]
    stop_gateway: Callable[[], Awaitable[None]]

    async def active(self, wanted: set[str]) -> set[str]:
        """Names of alerts that have seen what they look for, once these are among them."""
        found: set[str] = set()

        async def all_active() -> bool | None:
            nonlocal found
            told = await self.prometheus.rules()
            assert {rule["name"]: rule["lastError"] for rule in told if rule.get("lastError")} == {}
            assert len(told) == len(rules())
            found = {each["name"] for each in told if each.get("state") in ("pending", "firing")}
            return found >= wanted or None

        with suppress(TimeoutError):
            await poll(all_active, SOON)
        assert found >= wanted, wanted - found
        return found


@asynccontextmanager
async def in_trouble(
    stack: Stack, server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Trouble]:
    """Have everything go wrong."""
    monkeypatch.setattr(exporter, "SHORTEST", 0.5)
    monkeypatch.setattr(exporter, "SHARE", 1)
    worker = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("ROTA_METRICS", worker)
    stage = Stage(stack)
    stage.write()
    gateway = replace(gateway_of(stack), fleet=load_fleet_file(stack.folder))
    async with AsyncExitStack() as working, AsyncExitStack() as serving:
        asking = await serving.enter_async_context(served(gateway))
        addresses = {
            "rota-gateway": urlsplit(str(asking.base_url)).netloc,
            "rota-worker": worker,
            "temporal": urlsplit(server.metrics).netloc,
        }
        # First of all: it comes to its targets five seconds after its start.
        async with prometheus_server(scraping(addresses), stack.folder) as prometheus:
            await working.enter_async_context(worker_process(stack))
            await stage.apply()
            # Twice, and seen in between: what appears with its first event rises with the next.
            await stage.go_wrong()
            await stage.check()
            await scraped(prometheus, since=time.time())
            await stage.go_wrong()
            await stage.check("missed", "overdue", "schedule_changed", "stuck")
            yield Trouble(prometheus, working.aclose, serving.aclose)


async def scraped(prometheus: Prometheus, since: float) -> None:
    """Wait until all have told of later than that."""
    query = (
        f"min(timestamp(up)) > {since} and count(up == 1) == 3"
        f" and min(rota_exporter_last_look_timestamp_seconds) > {since}"
        f" and count(rota_agent_info) == {len(AGENTS)}"
    )

    async def ask() -> bool | None:
        return bool(await prometheus.query(query)) or None

    await poll(ask, SOON)


async def silent(prometheus: Prometheus, queries: list[Shown]) -> list[Shown]:
    """Those of the queries that return nothing, or nothing that is a number."""
    return [each for each in queries if not await tells(prometheus, each.expression)]


async def tells(prometheus: Prometheus, expression: str) -> bool:
    """Whether there is a number in the answer."""
    answer = await prometheus.query(substituted(expression))
    return any(not math.isnan(float(series["value"][1])) for series in answer)


async def unlisted(prometheus: Prometheus) -> set[tuple[str, str]]:
    """Names of Rota with jobs that serve them, and that the closed list does not know as theirs."""
    found: set[tuple[str, str]] = set()
    for job, is_worker in (("rota-gateway", False), ("rota-worker", True)):
        match = f'{{job="{job}",__name__=~"rota_.+"}}'
        for name in await prometheus.label_values("__name__", match):
            metric = METRICS.get(name) or METRICS.get(PARTS_OF_HISTOGRAMS.sub("", name))
            if metric is None or (metric.source is Source.WORKER) != is_worker:
                found.add((job, name))
    return found


@pytest.mark.prometheus
async def test_every_panel_shows_something_and_every_rule_evaluates(
    stack: Stack, server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker, gateway and server are scraped amid errors of all kinds that can be had soon."""
    async with in_trouble(stack, server, monkeypatch) as trouble:
        prometheus = trouble.prometheus
        waiting = [each for each in shown() if each.place not in SILENT]

        async def all_told() -> bool | None:
            nonlocal waiting
            waiting = await silent(prometheus, waiting)
            return not waiting or None

        with suppress(TimeoutError):
            await poll(all_told, SOON)
        assert not waiting, [each.place for each in waiting]
        active = await trouble.active(ACTIVE)
        assert not active & WELL
        assert {rule["health"] for rule in await prometheus.rules()} == {"ok"}
        for query in choices():
            assert await prometheus.label_values(*query), query
        names = set(await prometheus.label_values("__name__", '{job=~".+"}'))
        assert await unlisted(prometheus) == set()
        for name, metric in TEMPORAL.items():
            served_as = {name, f"{name}_bucket"}
            assert metric.is_rare or names & served_as, f"{name} is served by nobody"
        monkeypatch.setattr(looks, "PATIENCE", timedelta(seconds=0.2))
        await trouble.stop_worker()
        assert not await trouble.active(WITHOUT_WORKERS) & WITHOUT_GATEWAY
        await trouble.stop_gateway()
        await trouble.active(WITHOUT_GATEWAY)


def test_every_alert_is_had_for_real_or_it_is_said_why_not() -> None:
    """Whoever adds one decides."""
    had = ACTIVE | WITHOUT_WORKERS | WITHOUT_GATEWAY
    assert had | set(PATIENT) == {rule["alert"] for rule in alerts()}
    assert not had & set(PATIENT)
