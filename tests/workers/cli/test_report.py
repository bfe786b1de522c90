"""What is printed of a run that has ended, without a server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.runs import AgentRunResult
from rota.usage import Usage
from workers.cli.report import print_run
from workers.cli.run_view import RunView
from workers.cli.runs import show_runs

AT = datetime(2026, 11, 23, 6, tzinfo=UTC)


def printed(capsys: pytest.CaptureFixture[str], **fields: Any) -> str:
    """What people see of a run with `fields`."""
    known = {"agent": "a", "run_id": "a-1", "status": "succeeded", "trigger": "manual"}
    result = AgentRunResult.model_validate({**known, **fields})
    print_run(RunView(result, AT, AT + timedelta(seconds=2)))
    return capsys.readouterr().out


def test_report_of_a_run_by_its_fallback_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    """The kind alone would not tell: both may be of the same."""
    assert "runtime openai (fallback 2)\n" in printed(capsys, runtime="openai", fallback=2)


def test_report_of_a_run_by_several_models_tells_their_costs_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of one model alone the run's cost says it all."""
    opus = {"answers": 1, "micros": 40_000, "tokens": 9}
    haiku = {"answers": 2, "micros": 500, "tokens": 9, "unpriced": 1}
    words = "models opus $0.0400 (1 answer), haiku $0.0005 and 1 unpriced (2 answers)\n"
    assert words in printed(capsys, by_model={"opus": opus, "haiku": haiku})
    assert "models" not in printed(capsys, by_model={"opus": opus})


def test_list_of_runs_marks_a_cost_that_is_not_all_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What lost attempts may have cost is in no figure, and not hidden."""
    known = {"agent": "a", "run_id": "a-1", "status": "succeeded", "trigger": "manual"}
    for attempts in (0, 1):
        usage = Usage(input_tokens=3, cost_micros=1200, unknown_attempts=attempts)
        result = AgentRunResult.model_validate({**known, "usage": usage})
        show_runs([RunView(result, AT, AT + timedelta(seconds=2))])
        listed = capsys.readouterr().out
        assert ("$0.0012" in listed, "+ unknown" in listed) == (True, attempts == 1)


def test_report_says_what_people_could_not_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever looks at the run is told it now."""
    said = printed(capsys, untold=["awaiting_approval", "failed"])
    assert "nobody could be told of it: awaiting_approval, failed (see" in said


def test_report_of_a_run_by_its_own_runtime_says_nothing_of_fallbacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The usual case stays short."""
    assert "runtime openai\n" in printed(capsys, runtime="openai")


def test_report_of_a_run_that_read_others_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever uses its result may want to know; of other runs nothing is said."""
    assert "marked: it worked with what others may have written\n" in printed(capsys, tainted=True)
    assert "marked" not in printed(capsys)


def test_report_of_calls_that_told_nothing_says_that_their_cost_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What may have been billed is not shown as free."""
    usage = Usage(cost_micros=0, unknown_attempts=1)
    assert "$0.0000 + 1 attempt of unknown cost, 2.00s" in printed(capsys, usage=usage)
    usage = Usage(cost_micros=500, unknown_attempts=2, unknown_micros=9000)
    words = "$0.0005 + 2 attempts of unknown cost, at most $0.0090, 2.00s"
    assert words in printed(capsys, usage=usage)


def test_report_of_a_run_that_called_others_tells_their_cost_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each counts its own, so the sums of agents add up."""
    below = Usage(input_tokens=5, cost_micros=1500)
    assert "$0.0000, $0.0015 below it, 2.00s" in printed(capsys, below=below)
