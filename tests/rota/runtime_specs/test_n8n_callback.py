"""An n8n workflow that is to call must be told where, and be one that can be asked."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.runtime_specs.base import CalledBy
from rota.runtime_specs.n8n import N8nSettings

BLOCK: dict[str, Any] = {
    "kind": "n8n",
    "webhook": "https://n8n.example.com/webhook/count",
    "api_key": "env:N8N_API_KEY",
}


@pytest.mark.parametrize(
    "body",
    [None, {"q": "{task}"}, {"q": "{task}", "to": "{callback}"}, ["{callback}"], "{callback}"],
)
def test_workflow_that_calls_is_told_where(body: Any) -> None:
    """An object is given the address; any other body must name it."""
    settings = N8nSettings.model_validate({**BLOCK, "callback": True, "body": body})
    assert settings.called_by is CalledBy.RUN
    assert settings.callback_key == "callback"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"callback": True, "api_key": None}, "callback needs api_key"),
        ({"callback": True, "body": ["{task}"]}, r"callback needs '\{callback\}' in body"),
        ({"body": {"to": "{callback}"}}, "no 'callback' here"),
    ],
)
def test_callback_that_cannot_work_is_refused(fields: dict[str, Any], words: str) -> None:
    """In one line, before anything runs."""
    with pytest.raises(ValidationError, match=words):
        N8nSettings.model_validate({**BLOCK, **fields})


def test_workflow_that_does_not_call_needs_no_address() -> None:
    """As ever."""
    settings = N8nSettings.model_validate(BLOCK)
    assert (settings.called_by, settings.callback_key) == (None, None)
