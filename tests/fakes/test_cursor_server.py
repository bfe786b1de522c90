"""The fake of Cursor's agents refuses what the API refuses: a lenient one would prove nothing."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.cursor_jobs import Job
from tests.fakes.cursor_server import KEY, CursorFake

ID = "bc-00000000-0000-4000-8000-000000000001"
NEW: dict[str, Any] = {"agentId": ID, "prompt": {"text": "Mend it."}}


@pytest.fixture
def fake() -> Iterator[CursorFake]:
    """A fake whose refusals are what the tests are about."""
    with CursorFake(expect_refusals=True) as fake:
        yield fake


def call(
    fake: CursorFake, path: str, body: Any = None, *, key: str = "", secret: str = KEY
) -> tuple[int, Any]:
    """One request; with a body it is a POST."""
    basic = base64.b64encode(f"{secret}:".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"} | ({"Idempotency-Key": key} if key else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(fake.url + path, data, headers)
        ) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]["code"]


@pytest.mark.parametrize(
    "more",
    [
        {"agentId": "mine"},
        {"prompt": {"text": " "}},
        {"tools": []},
        {"repos": [{"url": "https://x", "ref": "main"}]},
    ],
)
def test_creation_is_checked(fake: CursorFake, more: dict[str, Any]) -> None:
    """Ids have the API's form, and what it does not know is refused."""
    assert call(fake, "/v1/agents", NEW | more) == (400, "invalid_request")


def test_agent_begins_once_with_its_id(fake: CursorFake) -> None:
    """The same key gets the same answer; the same id without it is a conflict."""
    fake.add(Job("done"))
    first = call(fake, "/v1/agents", NEW, key="k")
    assert call(fake, "/v1/agents", NEW, key="k") == first
    assert call(fake, "/v1/agents", NEW, key="other") == (409, "agent_id_conflict")
    assert len(fake.begun) == 1


def test_busy_agent_takes_no_prompt_and_an_ended_run_no_cancel(fake: CursorFake) -> None:
    """One run at a time; what has ended cannot be stopped."""
    fake.add(Job(hang=True))
    run = call(fake, "/v1/agents", NEW)[1]["run"]["id"]
    more = {"prompt": {"text": "More."}}
    assert call(fake, f"/v1/agents/{ID}/runs", more) == (409, "agent_busy")
    assert call(fake, f"/v1/agents/{ID}/runs/{run}/cancel", {})[0] == 200
    assert call(fake, f"/v1/agents/{ID}/runs/{run}")[1]["status"] == "CANCELLED"
    assert call(fake, f"/v1/agents/{ID}/runs/{run}/cancel", {}) == (409, "run_not_cancellable")


def test_cost_comes_after_the_use(fake: CursorFake) -> None:
    """Whoever reads the use once may not see its cost."""
    fake.add(Job("done", cost_reads=1))
    call(fake, "/v1/agents", NEW)
    told = [call(fake, f"/v1/agents/{ID}/usage")[1]["runs"][0] for _ in range(2)]
    assert ["cost" in run for run in told] == [False, True]


def test_unknown_things_and_wrong_keys_are_refused(fake: CursorFake) -> None:
    """Nothing is made up for an id or a key that does not exist."""
    assert call(fake, f"/v1/agents/{ID}")[0] == 404
    assert call(fake, "/v1/me", secret="other")[0] == 401


def test_fake_is_loud_about_what_nobody_expected() -> None:
    """A refused request and an empty script fail the test that caused them."""
    with pytest.raises(AssertionError, match="refused POST /v1/agents"), CursorFake() as fake:
        call(fake, "/v1/agents", NEW | {"tools": []})
    with pytest.raises(AssertionError, match="script empty"), CursorFake() as fake:
        call(fake, "/v1/agents", NEW)
