"""Recorded histories through `HistoryReplayer`: what is said otherwise, and where."""

import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from rota.keepers import rules as keeper
from rota.run_ref import RunRef
from rota.what_if.replay import NOTHING, Replayed, ReplayVerdict
from tests.replay.test_replay import CORPUS, MUTATIONS
from workers.replaying.replaying import HistoryReplayer
from workflows import activity_options
from workflows.keeper_kit import outside
from workflows.run_kit import steps


async def replayed(recording: str) -> Replayed:
    """Replay one of the recordings, without server or store."""
    return (await HistoryReplayer(None).replay(history_of(CORPUS[recording])))[0]


def history_of(text: str) -> WorkflowHistory:
    """A recording under its own id."""
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], text)


async def test_replay_of_todays_code_says_nothing_otherwise() -> None:
    """A run with turns, tools and a repair, a backtest and its case: not a byte differs."""
    for recording in ("run-tools-and-repair", "backtest", "backtest-case"):
        result = await replayed(recording)
        assert (result.verdict, result.drift, result.note) == (ReplayVerdict.SAME, (), "")


async def test_replay_with_another_timeout_tells_the_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal's own replay stays green; each turn is told with its event and both values."""
    monkeypatch.setattr(activity_options, "TURN_TIMEOUT", timedelta(minutes=1))
    result = await replayed("run-simple")
    assert result.verdict is ReplayVerdict.DRIFT
    (drift,) = result.drift
    assert (drift.where, drift.event) == ("activity invoke_model (turn 1 · scripted)", 7)
    assert (drift.path, drift.before, drift.after) == ("start_to_close_timeout", "15m", "1m")


async def test_replay_with_another_argument_tells_the_drift(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an activity would be told otherwise is found inside its input."""

    def turn(**fields: Any) -> Any:
        changed: dict[str, Any] = {**fields, "attempts": 7}
        return original(**changed)

    original = steps.TurnInput
    monkeypatch.setattr(steps, "TurnInput", turn)
    result = await replayed("run-simple")
    assert [(d.path, d.before, d.after) for d in result.drift] == [("input.attempts", 5, 7)]


@pytest.mark.parametrize(
    ("option", "before"),
    [("heartbeat_timeout", "3s200ms"), ("schedule_to_close_timeout", "30m"), ("summary", "turn")],
)
async def test_replay_tells_what_todays_code_says_no_more(
    monkeypatch: pytest.MonkeyPatch, option: str, before: str
) -> None:
    """Where the server fills in nothing, leaving something out is a change like any other."""
    original = steps.workflow.execute_activity_method

    def without(*given: Any, **options: Any) -> Any:
        return original(*given, **{key: v for key, v in options.items() if key != option})

    monkeypatch.setattr(steps.workflow, "execute_activity_method", without)
    (drift,) = (await replayed("run-simple")).drift
    assert (drift.path, drift.after) == (option, NOTHING)
    assert str(drift.before).startswith(before)


async def test_replay_tells_other_answers_to_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a keeper decides is its answer: the event and the update are told."""
    original = keeper.admit

    def admit(*given: Any) -> Any:
        state, admission = original(*given)
        return state, admission.model_copy(update={"reason": "today says otherwise"})

    monkeypatch.setattr(keeper, "admit", admit)
    result = await replayed("keeper-before-continue-as-new")
    answers = [drift for drift in result.drift if drift.where == "answer to update admit"]
    told = {(drift.path, drift.after) for drift in answers}
    assert ("result.reason", "today says otherwise") in told
    assert all(drift.event for drift in answers)


async def test_replay_tells_messages_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another signal, to another run: Temporal compares neither."""
    original = outside.told

    async def told(run: RunRef, signal: str, message: Any) -> bool:
        return await original(RunRef(id="somebody-else", key=run.key), f"{signal}-2", message)

    monkeypatch.setattr(outside, "told", told)
    result = await replayed("keeper-leases-and-reclaim")
    found = {(drift.path, drift.after) for drift in result.drift}
    assert {("name", "lease_granted-2"), ("to", "somebody-else")} <= found


@pytest.mark.parametrize(
    ("mutation", "event", "recorded", "wanted"),
    [
        ("tools in sequence", 14, "activity run_tool", "activity run_tool"),
        ("one more activity", 13, "local activity settle_run", "activity invoke_model"),
        ("release before settle", 35, "local activity settle_run", "local activity release_locks"),
        ("no attributes", 6, "search attributes", "activity invoke_model"),
        ("no continuation", 67, "continue as new", "activity invoke_model"),
        ("a node in spite of a failure", 19, "run failed-1/alarm", "run failed-1/after"),
    ],
)
async def test_mutated_workflow_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch, mutation: str, event: int, recorded: str, wanted: str
) -> None:
    """Which event of the history, what it is, and what today's code asks for there."""
    owner, name, instead, noticed_by = MUTATIONS[mutation]
    monkeypatch.setattr(owner, name, instead)
    result = await replayed(noticed_by)
    assert result.verdict is ReplayVerdict.NONDETERMINISTIC
    assert result.place is not None
    assert (result.place.event, result.place.recorded) == (event, recorded)
    assert wanted in result.place.wanted


async def test_replay_of_a_workflow_nobody_serves_is_an_error_with_its_reason() -> None:
    """A history of another program is no verdict on ours."""
    text = CORPUS["run-simple"].replace('"AgentRun"', '"SomebodyElses"')
    result, _ = await HistoryReplayer(None).replay(history_of(text))
    assert result.verdict is ReplayVerdict.ERROR
    assert "SomebodyElses" in result.reason
