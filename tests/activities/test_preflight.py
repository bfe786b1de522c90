"""What keeps a run from working here is told before it costs anything."""

from pathlib import Path

import pytest

from activities.preflight import preflight
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
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
