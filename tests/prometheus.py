"""Prometheus as tests use it: the programs of Debian's package, and a server that scrapes.

The server and `promtool` are found by name. Where they are missing tests fail and say how to get
them: boards and alerts that nobody has tried are worth nothing.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from workers.devserver import HOST, free_port, stop_process
from workers.leash import leashed

START_SECONDS = 20.0


class MissingProgramError(Exception):
    """Prometheus is not installed; the message says how to install it."""


class QueryError(Exception):
    """Prometheus refused a query; the message is its own."""


def is_wanted(markexpr: str) -> bool:
    """Whether tests that need Prometheus run: in CI, where asked for, and where it is.

    Then what is missing fails.
    """
    is_ci = bool(os.environ.get("CI") or os.environ.get("ROTA_CI"))
    is_there = shutil.which("prometheus") and shutil.which("promtool")
    return "prometheus" in markexpr or is_ci or bool(is_there)


def program(name: str) -> str:
    """Path of `prometheus` or `promtool`.

    Raises:
        MissingProgramError: it is not on the path.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingProgramError(
            f"the program '{name}' is missing: apt-get install --no-install-recommends prometheus"
        )
    return found


def promtool(*arguments: str, folder: Path, told: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `promtool` in a folder; `told` is its input."""
    command = [program("promtool"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, input=told
    )


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes."""

    asking: httpx2.AsyncClient

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate now: one entry for each series, with `metric` and `value`.

        Raises:
            QueryError: it cannot be evaluated.
        """
        # Posted: some queries are longer than an address may be.
        answer = await self.asking.post("/api/v1/query", data={"query": expression})
        told = answer.json()
        if told["status"] != "success":
            raise QueryError(f"{told['error']}: {expression}")
        data = told["data"]
        return [{"value": data["result"]}] if data["resultType"] == "scalar" else data["result"]

    async def label_values(self, label: str, match: str) -> list[str]:
        """Values of a label of the series that match."""
        path = f"/api/v1/label/{label}/values"
        return (await self.asking.get(path, params={"match[]": match})).json()["data"]

    async def targets(self) -> list[dict[str, Any]]:
        """What is scraped, and how that went."""
        return (await self.asking.get("/api/v1/targets")).json()["data"]["activeTargets"]

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule, and how its last evaluation went."""
        groups = (await self.asking.get("/api/v1/rules")).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@asynccontextmanager
async def prometheus_server(config: dict[str, Any], folder: Path) -> AsyncGenerator[Prometheus]:
    """Run a server with this configuration while the block lasts."""
    file, log = folder / "prometheus.yml", folder / "prometheus.log"
    file.write_text(json.dumps(config))  # JSON is YAML, too
    address = f"{HOST}:{free_port()}"
    command = [
        *(program("prometheus"), f"--config.file={file}", "--log.level=warn"),
        *(f"--storage.tsdb.path={folder / 'series'}", f"--web.listen-address={address}"),
        # It looks at its targets when five seconds are over, and again if it was a bit too early.
        "--scrape.discovery-reload-interval=100ms",
    ]
    with log.open("ab") as output:
        # Blocks for the milliseconds of a fork: nothing is served yet.
        process = subprocess.Popen(  # noqa: ASYNC220
            leashed(command), stdout=output, stderr=output, start_new_session=True
        )
    try:
        async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as asking:
            async with asyncio.timeout(START_SECONDS):
                while not await _is_ready(asking):
                    assert process.poll() is None, log.read_text()
                    await asyncio.sleep(0.05)
            yield Prometheus(asking)
    finally:
        await asyncio.to_thread(stop_process, process, 0.0)


async def _is_ready(asking: httpx2.AsyncClient) -> bool:
    try:
        return (await asking.get("/-/ready")).is_success
    except httpx2.TransportError:
        return False
