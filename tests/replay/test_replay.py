"""Recorded histories replay with today's workflows, and a changed workflow is caught."""

import asyncio
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from rota.loop import RunTools, Think
from tests.workflows.test_pinned_names import activity_names
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, RotaPlugin
from workflows.agent import AgentWorkflow
from workflows.run_kit import steps, visibility
from workflows.run_kit.kit import RunKit

HISTORIES = Path(__file__).parent / "histories"
CORPUS = {path.stem: path.read_text() for path in sorted(HISTORIES.glob("*.json"))}
TEACHING = (
    "A workflow no longer does what recorded runs did, so every open run would get stuck. "
    "Put the change behind workflow.patched(...) and run 'make record' to add recordings; "
    "replace old ones only if no released version wrote runs like them."
)

NEVER_RECORDED = {"page_ledger"}
"""Needs more than 500 ledger entries; `test_run_continue_as_new` runs it live."""


async def failure_of(recording: str) -> BaseException | None:
    """Replay one recording, without server or store; what went wrong, or None."""
    history = WorkflowHistory.from_json(recording, CORPUS[recording])
    replayer = Replayer(workflows=[*RUN_WORKFLOWS, *KEEPER_WORKFLOWS], plugins=[RotaPlugin(None)])
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
    results = [await steps.run_tool(kit.work, call) for call in step.calls]
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


THINK = RunKit.think
MUTATIONS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "tools in sequence": (RunKit, "run_tools", one_after_another, "run-tools-and-repair"),
    "one more activity": (RunKit, "think", think_twice, "run-simple"),
    "no grant": (AgentWorkflow, "_grant", keep_silent, "keeper-leases-and-reclaim"),
    "no attributes": (visibility, "show_admitted", say_nothing, "run-simple"),
    "no result": (visibility, "show_result", say_nothing, "run-failed"),
    "no continuation": (RunKit, "continuation", no_continuation, "run-before-continue-as-new"),
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
