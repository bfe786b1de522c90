"""A run's chain of runtimes: how each is called, and which one a run says it came to."""

from datetime import UTC, datetime

import pytest

from rota.failures import FailureCategory
from rota.keepers.admission import Admission, Decision, RunRef
from rota.pinned_spec import Fallback
from rota.runs import RunStatus, Trigger
from rota.turns.loop import Finish, LoopState
from rota.turns.outcome import RunOrigin, result_of
from tests.rota.keepers.desks import pinned

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
SPEC = pinned(
    runtime_kind="anthropic",
    model="claude-haiku-4-5",
    fallbacks=(Fallback(kind="bedrock", model="us.anthropic.claude"), Fallback(kind="scripted")),
)


def test_runtime_of_a_chain_is_called_by_its_model_and_a_fallback_by_its_place() -> None:
    """What stands in a summary tells at once that a run has left its own runtime."""
    assert [SPEC.runtime_label(index) for index in range(3)] == [
        "claude-haiku-4-5",
        "bedrock us.anthropic.claude (fallback 1)",
        "scripted (fallback 2)",
    ]


@pytest.mark.parametrize(
    ("loop", "runtime"),
    [
        (LoopState(), ""),
        (LoopState(turn=1), "anthropic"),
        (LoopState(turn=1, runtime=1), "bedrock"),
        (LoopState(runtime=2), "scripted"),
    ],
)
def test_result_names_the_runtime_that_the_run_came_to(loop: LoopState, runtime: str) -> None:
    """A run that never thought names none."""
    run = RunRef(id="run", key="key")
    origin = RunOrigin(agent="report", run=run, trigger=Trigger.MANUAL)
    admission = Admission(decision=Decision.GO, run=run, spec=SPEC)
    finish = Finish(status=RunStatus.FAILED)
    assert result_of(origin, admission, loop, finish, NOW).runtime == runtime


@pytest.mark.parametrize("category", FailureCategory)
def test_only_what_passes_by_itself_fails_over(category: FailureCategory) -> None:
    """A failure that no repetition mends is not bought from another runtime."""
    assert not category.fails_over or category.retryable
    assert category.fails_over is (category.value in {"overloaded", "transient", "timeout"})
