"""A declared HTTP interface is refused where it could not work, or would lead data elsewhere."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.runtime_specs.http import KIND, HttpSettings

STATUS = {"url": "https://jobs.example.com/jobs/{session.id}"}
POLL: dict[str, Any] = {
    "mode": "poll",
    "start": {"url": "https://jobs.example.com/jobs"},
    "id": "id",
    "status": STATUS,
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"start": {"url": "https://{input.host}/jobs"}}, "cannot name the host"),
        ({"start": {"url": "{input.url}"}}, "cannot name the host"),
        ({"start": {"url": "https://jobs.example.com@evil.example/"}}, "user or password"),
        ({"start": {"url": "ftp://jobs.example.com/"}}, "not http or https"),
        ({"start": {"url": "{session.url}"}}, "nothing was answered yet"),
        ({"start": {"url": "https://a.example", "body": {"x": "{secret.t}"}}}, "no 'secret' here"),
        ({"status": {"url": "https://a.example/{input.id}"}}, "status.url: no 'input' here"),
        ({"status": {**STATUS, "state": "s", "done": ["d"]}}, "status.done and status.failed"),
        ({"status": None}, "mode poll needs 'status'"),
        ({"id": None}, "mode poll needs 'id'"),
        ({"mode": "sync"}, "leave 'status' and 'result' out"),
        ({"headers": {"X-A": "{input.a}"}}, "no 'input' here"),
        ({"headers": {"X A": "b"}}, "headers"),
        ({"headers": {"X-A": "{secret.a}"}}, "'{secret.a}' is not declared; add it to 'secrets'"),
        ({"result": {"url": "{session.link}"}}, "'{session.link}' is not declared; add it to 'k"),
        ({"allow": ["http://10.0.0.1"]}, "public internet"),
        (
            {"mode": "callback", "start": {"url": "https://a.example", "body": {"t": "{task}"}}},
            "needs '{callback}' in start.body",
        ),
        ({"answer": {"result": "a[0]"}}, "names and positions joined by dots"),
        ({"secrets": {"t": "the-secret-itself"}}, "never the secret itself"),
    ],
)
def test_settings_that_cannot_work_are_refused(changed: dict[str, Any], words: str) -> None:
    """Each mistake is named with its key."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings.model_validate(POLL | changed)
    assert words in str(caught.value)


def test_secret_references_are_found_wherever_they_stand() -> None:
    """Preflight sees the secrets of every request, whole values and named ones."""
    status = {**STATUS, "headers": {"X-Key": "file:/run/key", "X-Plain": "plain"}}
    more = {"secrets": {"t": "env:T"}, "headers": {"X-Api": "env:API"}, "status": status}
    settings = HttpSettings.model_validate(POLL | more)
    assert dict(settings.secret_references()) == {
        "secrets.t": "env:T",
        "headers.X-Api": "env:API",
        "status.headers.X-Key": "file:/run/key",
    }


@pytest.mark.parametrize(
    ("changed", "promised"),
    [
        ({}, {"reattach", "stream"}),
        ({"idempotent": True}, {"reattach", "stream", "idempotent_start"}),
        (
            {"cancel": {"url": STATUS["url"]}, "status": {**STATUS, "waiting": ["w"]}},
            {"reattach", "stream", "cancel", "confirm_cancel", "persons"},
        ),
        ({"mode": "sync", "status": None}, {"find"}),
        ({"mode": "callback", "status": None, "answer": {"cost_usd": "c"}}, {"reattach", "cost"}),
    ],
)
def test_promises_follow_from_what_is_declared(changed: dict[str, Any], promised: set[str]) -> None:
    """The kind promises nothing by itself; its settings say what may be relied on."""
    found = KIND.promises(HttpSettings.model_validate(POLL | changed))
    assert {name for name in found.names() if getattr(found, name)} == promised
    assert not any(getattr(KIND.capabilities, name) for name in found.names())
