"""Which queues of runtimes a worker serves, and who keeps their rates."""

import logging
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from rota.runtimes.queue import RuntimeQueue
from workers.runtime_queues import fleet_queues, limit_rates

AGENT = "name: {name}\nruntime: {{kind: anthropic, model: m, queue: {queue}}}\n"


def write_agents(folder: Path, **queues: str) -> None:
    """A fleet with one agent for each queue."""
    (folder / "agents").mkdir()
    for name, queue in queues.items():
        path = folder / "agents" / f"{name}.yaml"
        path.write_text(AGENT.format(name=name, queue=queue))


def test_worker_serves_what_its_fleet_names(tmp_path: Path) -> None:
    """The queues come from the files that the worker was started with."""
    write_agents(tmp_path, a="claude", b="bedrock", c="claude")
    served = fleet_queues(tmp_path, "rota")
    assert [queue.name for queue in served] == ["bedrock", "claude"]


def test_worker_of_a_fleet_that_does_not_load_serves_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs that are there must go on; what is not served is logged with its cause."""
    write_agents(tmp_path, a="claude", b="'not a queue'")
    with caplog.at_level(logging.ERROR):
        assert fleet_queues(tmp_path, "rota") == ()
    assert "no runtime.queue is served, mend the fleet and restart: agents/b.yaml:2" in caplog.text


def test_worker_never_takes_its_own_queue_for_a_runtimes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A second worker on it would get tools to run that it does not have."""
    write_agents(tmp_path, a="finance", b="claude")
    assert [queue.name for queue in fleet_queues(tmp_path, "finance")] == ["claude"]
    assert "runtime.queue finance is a queue of runs" in caplog.text


class OldService:
    """A server from before queues had rates."""

    async def update_task_queue_config(self, *given: Any, **more: Any) -> None:
        """Unknown to it."""
        raise RPCError("unknown method", RPCStatusCode.UNIMPLEMENTED, b"")


class OldClient:
    """A client of such a server."""

    namespace = "default"
    identity = "test"
    workflow_service = OldService()


async def test_worker_keeps_the_rate_itself_where_the_server_cannot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told which queues are left to it, and says so."""
    queue = RuntimeQueue(name="claude", requests_per_second=2)
    assert await limit_rates(cast("Client", OldClient()), [queue]) == {"claude"}
    assert "workers ask for it as they poll" in caplog.text
