"""Recorded histories replay with today's workflows, and a changed workflow is caught."""

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Plugin, Replayer

import rota.coordination.needing
import rota.pipelines.plan
import rota.pipelines.rules
from rota.coordination.locks import LockAnswer
from rota.coordination.needing import NeedProgress
from rota.coordination.upstream import NeedAnswer
from rota.pipelines.edges import Standing
from rota.pipelines.plan import Plan
from rota.pipelines.state import DagState
from rota.runs import AgentRunResult
from rota.turns.loop import Finish, RunTools, Think
from tests.workflows.test_pinned_names import activity_names
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS, RotaPlugin
from workflows.agent import AgentWorkflow
from workflows.pipeline_kit.children import Children, Place
from workflows.resource_lock import ResourceLockWorkflow
from workflows.run_kit import desk, visibility
from workflows.run_kit.kit import RunKit
from workflows.run_kit.tool_calls import run_tools

HISTORIES = Path(__file__).parent / "histories"
CORPUS = {path.stem: path.read_text() for path in sorted(HISTORIES.glob("*.json"))}
TEACHING = (
    "A workflow no longer does what recorded runs did, so every open run would get stuck. "
    "Put the change behind workflow.patched(...) and run 'make record' to add recordings; "
    "replace old ones only if no released version wrote runs like them."
)

NEVER_RECORDED = {"page_ledger"}
"""Needs more than 500 ledger entries; `test_run_continue_as_new` runs it live."""


async def failure_of(recording: str, *beside: Plugin) -> BaseException | None:
    """Replay one recording, without server or store; what went wrong, or None."""
    started = json.loads(CORPUS[recording])["events"][0]["workflowExecutionStartedEventAttributes"]
    # Its own id: children and topics are named after it.
    history = WorkflowHistory.from_json(started["workflowId"], CORPUS[recording])
    served = [*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS, *KEEPER_WORKFLOWS]
    replayer = Replayer(workflows=served, plugins=[RotaPlugin(None), *beside])
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


@pytest.mark.parametrize("recording", CORPUS)
async def test_recorded_history_replays(recording: str) -> None:
    """The workflow takes the recorded decisions again, in the same order."""
    failure = await failure_of(recording)
    assert failure is None, f"{TEACHING}\n{failure}"


def test_recorded_histories_use_every_activity() -> None:
    """A step that no recording takes would be changed without anybody noticing."""
    # Markers of local activities name them inside a payload, in base 64.
    payloads = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', "".join(CORPUS.values()))
    corpus = "".join(CORPUS.values()) + "".join(b64decode(p).decode() for p in payloads)
    missing = {name for name in activity_names() if f'"{name}"' not in corpus}
    assert missing == NEVER_RECORDED


async def one_after_another(kit: RunKit, step: RunTools) -> None:
    """Run tools in sequence instead of all at once."""
    results = [result for call in step.calls for result in await run_tools(kit.work, (call,), kit)]
    kit.loop = kit.loop.after_tools(tuple(results))


async def think_twice(kit: RunKit, step: Think) -> None:
    """Take every turn a second time."""
    await THINK(kit, step)
    await THINK(kit, step)


async def keep_silent(keeper: AgentWorkflow) -> None:
    """Never tell a waiting run that its turn has come."""


def say_nothing(*args: Any) -> None:
    """Leave the search attributes alone."""


def no_continuation(kit: RunKit) -> None:
    """Never continue as new."""


async def release_first(kit: RunKit, finish: Finish) -> AgentRunResult:
    """Give the locks back before the end is recorded."""
    await kit._locks.release()
    return await SETTLE(kit, finish)


async def announce_first(kit: RunKit, finish: Finish) -> AgentRunResult:
    """Tell others of an end that the keeper does not know yet."""
    await desk.announce(kit._origin, kit._result(finish).events)
    return await SETTLE(kit, finish)


async def grant_silently(lock: ResourceLockWorkflow, answer: LockAnswer) -> bool:
    """Take a run to have been told, and do not tell it."""
    return True


def leave_at_work(children: Children, place: Place, reason: str) -> None:
    """Do not end the run of a node."""


def open_at_once(gate: Any, slot: datetime, timezone: str) -> datetime:
    """Hold nothing back until its time."""
    return slot


def ready(plan: Plan, state: DagState, name: str) -> Standing:
    """Take every edge to hold as soon as it is looked at."""
    return Standing()


def give_up(progress: NeedProgress, answer: NeedAnswer) -> bool:
    """Have no failed upstream run again."""
    return False


THINK = RunKit.think
SETTLE = RunKit.settle
MUTATIONS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "tools in sequence": (RunKit, "run_tools", one_after_another, "run-tools-and-repair"),
    "one more activity": (RunKit, "think", think_twice, "run-simple"),
    "no grant": (AgentWorkflow, "_grant", keep_silent, "keeper-leases-and-reclaim"),
    "no attributes": (visibility, "show_admitted", say_nothing, "run-simple"),
    "no result": (visibility, "show_result", say_nothing, "run-failed"),
    "no continuation": (RunKit, "continuation", no_continuation, "run-before-continue-as-new"),
    "release before settle": (RunKit, "settle", release_first, "run-lock-after-a-wait"),
    "announce before settle": (RunKit, "settle", announce_first, "run-telling"),
    "no word of a lock": (ResourceLockWorkflow, "_told", grant_silently, "lock-1"),
    "no end of a node": (Children, "cancel", leave_at_work, "pipeline-cancelled"),
    "no clock gate": (rota.pipelines.plan, "gate_time", open_at_once, "pipeline-everything-1"),
    "a node in spite of a failure": (rota.pipelines.rules, "standing", ready, "pipeline-failed"),
    "no re-run": (rota.coordination.needing, "_may_rerun", give_up, "run-need-met-by-a-rerun"),
}
"""A change somebody might make: where, which name, what instead, and who notices."""


@pytest.mark.parametrize(
    ("owner", "name", "instead", "noticed_by"), MUTATIONS.values(), ids=MUTATIONS
)
async def test_mutated_workflow_is_caught_as_nondeterministic(
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    instead: Callable[..., Any],
    noticed_by: str,
) -> None:
    """A changed order or number of commands cannot pass the recordings unseen."""
    monkeypatch.setattr(owner, name, instead)
    failure = await asyncio.wait_for(failure_of(noticed_by), 30)
    assert failure is not None
    assert "ondeterminis" in f"{type(failure).__name__} {failure}"
