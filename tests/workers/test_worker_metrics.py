"""A worker's Prometheus endpoint, as a scraper meets it."""

import asyncio
import re
import urllib.request

import pytest

from rota.metrics.kinds import Source
from rota.metrics.listed import METRICS
from tests.processes.worker_process import launched, worker_process
from tests.stack import Stack, script
from tests.workflows.gates import poll
from workers.devserver import free_port


def served(address: str) -> str:
    """What is there to be scraped."""
    with urllib.request.urlopen(address) as answer:
        return answer.read().decode()


async def test_worker_serves_the_metrics_of_its_steps(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ROTA_METRICS a run's activities are counted where Prometheus looks."""
    port = free_port()
    monkeypatch.setenv("ROTA_METRICS", f"127.0.0.1:{port}")
    name = stack.name("counted")
    async with worker_process(stack):
        await stack.declare(name, runtime=script({"result": "done"}))
        await stack.run(name, f"{name}-1")

        async def counted() -> str | None:
            # The worker counts a run once the server has confirmed its end: whoever waits for
            # the run may hear of that end before.
            text = await asyncio.to_thread(served, f"http://127.0.0.1:{port}/metrics")
            return text if "temporal_workflow_completed" in text else None

        text = await poll(counted)
    assert 'activity_type="invoke_model"' in text
    served_names = {line.partition("{")[0] for line in text.splitlines()}
    for metric in METRICS.values():
        if metric.source is Source.WORKER and metric.name != "rota_tool_duration_seconds":
            assert f"{metric.name}_bucket" in served_names
    # Both reach to half an hour: ours in seconds, the SDK's own in milliseconds.
    assert re.search(r'rota_turn_duration_seconds_bucket\{.*outcome="ok".*le="1800"\} 1', text)
    assert re.search(r'temporal_activity_execution_latency_bucket\{.*le="1800000"\}', text)


async def test_worker_with_metrics_on_a_taken_port_says_so(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and exit code 3, not a traceback."""
    taken = stack.address
    monkeypatch.setenv("ROTA_METRICS", taken)
    with launched(stack) as process:
        code = await asyncio.to_thread(process.wait, 30)
        log = (stack.folder / "worker.log").read_text()
    assert code == 3
    assert f"metrics cannot be served at {taken}" in log
    assert "Traceback" not in log
