"""What keeps a run from working here is told before it costs anything."""

from pathlib import Path
from typing import Any

import pytest

from activities.preflight import preflight, unfit_input
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.connections import Connections
from rota.failures import FailureCategory, StepError


def test_settings_that_do_not_fit_are_named_without_their_values(tmp_path: Path) -> None:
    """The reason of a blocked run is public; somebody may have put a key in the wrong place."""
    settings = {
        "kind": "anthropic",
        "model": "claude-haiku-4-5",
        "api_key": "sk-ant-pasted",
        "apikey": "sk-ant-misplaced",
        "effort": "sk-ant-anywhere",
    }
    spec = AgentSpec.model_validate({"name": "agent", "runtime": settings})
    with pytest.raises(StepError) as caught:
        preflight(spec, Toolbox(tmp_path, {}))
    message = str(caught.value)
    assert caught.value.category is FailureCategory.INVALID_REQUEST
    assert "runtime.api_key: Value error, write a reference" in message
    assert "runtime.effort: Input should be 'low'" in message
    assert "sk-ant" not in message


def test_tool_that_is_missing_is_named_with_the_workers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fleet has its name in the message, also for a worker started inside its folder."""
    monkeypatch.chdir(tmp_path)
    spec = AgentSpec.model_validate(
        {"name": "agent", "runtime": {"kind": "scripted", "turns": []}, "tools": ["slow.wait"]}
    )
    with pytest.raises(StepError, match=f"slow.wait is not known to the worker of {tmp_path.name}"):
        preflight(spec, Toolbox(Path(), {}))


ACCEPTS = {
    "type": "object",
    "properties": {"account": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["account"],
    "additionalProperties": False,
}


def accepting(**declaration: Any) -> AgentSpec:
    """An agent that says what it accepts."""
    given = {"name": "agent", "runtime": {"kind": "scripted"}, "accepts": {"schema": ACCEPTS}}
    return AgentSpec.model_validate({**given, **declaration})


@pytest.mark.parametrize(
    ("spec", "input", "problems"),
    [
        (accepting(accepts=None), {"anything": [1]}, []),
        (accepting(), {"account": "4711", "limit": 3}, []),
        (
            accepting(),
            {"limit": "many"},
            ["limit: 'many' is not of type 'integer'", "'account' is a required property"],
        ),
        (accepting(), {"account": "4711", "needs": {}}, ["'needs' was unexpected"]),
        (accepting(needs=[{"agent": "report"}]), {"account": "4711", "needs": {"report": 1}}, []),
        (
            accepting(accepts={"schema": {"$ref": "https://example.invalid/schema"}}),
            {"account": "4711"},
            ["its schema cannot be applied"],
        ),
    ],
)
def test_unfit_input_names_every_problem_in_one_line(
    spec: AgentSpec, input: dict[str, Any], problems: list[str]
) -> None:
    """What was laid into the input by Rota itself is nobody's mistake."""
    told = unfit_input(spec, input)
    assert bool(told) is bool(problems)
    assert "\n" not in told
    assert all(problem in told for problem in problems)


def test_model_that_the_fleet_does_not_allow_blocks_the_run(tmp_path: Path) -> None:
    """Of a runtime that would take over, too: it is told before that night."""
    allowed = Connections.model_validate({"models": {"allow": ["scripted"]}})
    other = {"kind": "openai", "model": "gpt-6", "base_url": "http://127.0.0.1:1"}
    runtime = {"kind": "scripted", "fallback": [other]}
    spec = AgentSpec.model_validate({"name": "a", "runtime": runtime})
    told = (
        r"runtime\.fallback\.0\.model: openai/gpt-6 is not among models\.allow of fleet\.yaml, "
        "which has scripted; name another, or add it there and restart"
    )
    with pytest.raises(StepError, match=told) as caught:
        preflight(spec, Toolbox(tmp_path, {}, allowed))
    assert caught.value.category is FailureCategory.INVALID_REQUEST


UNPRICED = {"kind": "anthropic", "model": "claude-next-99", "api_key": "env:SOME_KEY"}
PRICED = UNPRICED | {"model": "claude-sonnet-4-5"}


def test_money_that_could_not_be_counted_blocks_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit, the model and the two ways to mend it are named."""
    monkeypatch.setenv("SOME_KEY", "k")
    spec = AgentSpec.model_validate({"name": "a", "runtime": UNPRICED, "budget": {"day_usd": 5}})
    with pytest.raises(StepError, match=r"budget\.day_usd cannot be kept: model 'claude-next-99'"):
        preflight(spec, Toolbox(tmp_path, {}))


CHEAPER = {"soft": {"model": "claude-next-99"}}


@pytest.mark.parametrize(
    ("fields", "lender", "told"),
    [
        (
            {"runtime": PRICED, "budget": {"day_usd": 5, **CHEAPER}},
            "",
            r"budget\.day_usd cannot be kept: model 'claude-next-99'.* write budget\.soft\.price",
        ),
        (
            {"runtime": UNPRICED, "team": "finance", "team_budget": True, "team_usd": True},
            "",
            "the limit in dollars of team finance cannot be kept",
        ),
        ({"runtime": UNPRICED}, "night-1", "the share in dollars that night-1 gave cannot be kept"),
    ],
)
def test_money_of_a_soft_limit_of_a_team_or_of_a_caller_that_could_not_be_counted_blocks_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    lender: str,
    told: str,
) -> None:
    """Whoever's limit it is: what has no price would pass it uncounted."""
    monkeypatch.setenv("SOME_KEY", "k")
    with pytest.raises(StepError, match=told):
        preflight(AgentSpec.model_validate({"name": "a", **fields}), Toolbox(tmp_path, {}), lender)


@pytest.mark.parametrize(
    ("runtime", "budget"),
    [
        (UNPRICED, {"day_usd": 5, "unpriced": "allow"}),
        (PRICED, {"day_usd": 5, "soft": {"model": "claude-haiku-4-5"}}),
        (UNPRICED, {"run_tokens": 5}),
        (UNPRICED | {"model": "claude-haiku-4-5"}, {"day_usd": 5}),
        (
            UNPRICED | {"price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}},
            {"day_usd": 5},
        ),
    ],
)
def test_money_that_can_be_counted_or_need_not_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Any, budget: dict[str, Any]
) -> None:
    """Allowed, without a limit in dollars, or with a price."""
    monkeypatch.setenv("SOME_KEY", "k")
    spec = AgentSpec.model_validate({"name": "a", "runtime": runtime, "budget": budget})
    preflight(spec, Toolbox(tmp_path, {}))
