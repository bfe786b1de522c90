"""What a keeper learns about its runs, from servers that answer and servers that do not."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.desks import keepers as keeper_desk
from activities.desks.keepers import KeeperDeskActivities
from activities.stores.base import ObjectStore
from activities.stores.local import LocalStore
from rota.model import canonical_json
from rota.run_ref import ClosedRun, RunRef, Suspects

RUNNING = WorkflowExecutionStatus.RUNNING
COMPLETED = WorkflowExecutionStatus.COMPLETED


@dataclass
class Described:
    """What `describe` returns, as far as it is read."""

    status: WorkflowExecutionStatus
    first_run_id: str

    @property
    def raw_description(self) -> DescribeWorkflowExecutionResponse:
        """The server's own answer."""
        info = WorkflowExecutionInfo(first_run_id=self.first_run_id)
        return DescribeWorkflowExecutionResponse(workflow_execution_info=info)


@dataclass
class Handle:
    """A workflow handle that gives one answer."""

    answer: Described | RPCError

    async def describe(self) -> Described:
        """Answer, or fail."""
        if isinstance(self.answer, RPCError):
            raise self.answer
        return self.answer


@dataclass
class Server:
    """A client of a server that knows these runs."""

    answers: dict[str, Described | RPCError]

    def get_workflow_handle(self, id: str) -> Handle:
        """Return the handle of one run."""
        return Handle(self.answers[id])


def failing(status: RPCStatusCode, message: str) -> RPCError:
    """A call that the server did not answer."""
    return RPCError(message, status, b"")


async def gone(
    answers: dict[str, Any], store: ObjectStore, *, with_use: bool = True
) -> list[ClosedRun]:
    """Ask about runs, each with the key `k`."""
    desk = KeeperDeskActivities(cast("Client", Server(answers)), store)
    runs = tuple(RunRef(id=id, key="k") for id in answers)
    return await desk.closed_runs(Suspects(runs=runs, with_use=with_use))


async def closed(answers: dict[str, Any]) -> list[str]:
    """Return the ids of the closed ones."""
    return [run.id for run in await gone(answers, LocalStore(Path("unused")))]


@pytest.mark.parametrize(
    ("answer", "is_closed"),
    [
        (Described(RUNNING, "k"), False),
        (Described(COMPLETED, "k"), True),
        (Described(RUNNING, "another"), True),
        (Described(RUNNING, ""), False),
        (Described(COMPLETED, ""), True),
        (failing(RPCStatusCode.NOT_FOUND, "workflow not found for ID: r"), True),
        (failing(RPCStatusCode.NOT_FOUND, "Namespace default is not found."), False),
        (failing(RPCStatusCode.UNAVAILABLE, "shutting down"), False),
    ],
)
async def test_closed_runs_frees_what_has_certainly_ended(answer: Any, is_closed: bool) -> None:
    """A lease is taken back only on the server's word, old servers included."""
    assert await closed({"r": answer}) == (["r"] if is_closed else [])


async def test_closed_runs_with_one_run_that_cannot_be_looked_up_answers_for_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad id must not hold every lease of its agent for ever; the log names it."""
    bad = failing(RPCStatusCode.INVALID_ARGUMENT, "WorkflowId exceeds length limit")
    with caplog.at_level(logging.WARNING, "rota.worker"):
        assert await closed({"bad": bad, "ended": Described(COMPLETED, "k")}) == ["ended"]
    assert "run bad: cannot see whether it has ended: WorkflowId exceeds" in caplog.text


async def test_closed_runs_of_hundreds_answers_for_each_in_their_order() -> None:
    """Looked up in batches, none left out and none told of another."""
    answers = {f"r{n}": Described(COMPLETED if n % 3 else RUNNING, "k") for n in range(205)}
    assert await closed(answers) == [f"r{n}" for n in range(205) if n % 3]


async def test_closed_runs_whose_use_cannot_be_read_are_closed_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No lease waits for a store; that nobody knows what it came to is told."""
    store = LocalStore(tmp_path)
    await store.set_ref("replies/k/1", canonical_json({"asked": "q", "node": "0" * 64}))
    with caplog.at_level(logging.WARNING, "rota.worker"):
        (found,) = await gone({"r": Described(COMPLETED, "k")}, store)
    assert found.used.unknown_attempts == 1
    assert "run r: cannot read what it has used" in caplog.text


class StalledStore(LocalStore):
    """Neither serves nor fails."""

    async def list_refs(self, prefix: str) -> list[str]:
        """Never come back."""
        await asyncio.Event().wait()
        return []


async def test_closed_runs_over_a_store_that_stalls_are_closed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are, the store has one time for all of them."""
    monkeypatch.setattr(keeper_desk, "STORE_SECONDS", 0.05)
    answers = {f"r{n}": Described(COMPLETED, "k") for n in range(50)}
    async with asyncio.timeout(10):
        found = await gone(answers, StalledStore(tmp_path))
    assert [each.used.unknown_attempts for each in found] == [1] * 50


async def test_closed_runs_whose_use_nobody_wants_ask_no_store(tmp_path: Path) -> None:
    """A lock is handed on whatever the store does."""
    async with asyncio.timeout(10):
        found = await gone({"r": Described(COMPLETED, "k")}, StalledStore(tmp_path), with_use=False)
    assert [each.id for each in found] == ["r"]
