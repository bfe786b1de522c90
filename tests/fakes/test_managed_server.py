"""The fake of Managed Agents refuses what the API refuses: a lenient one would prove nothing."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.managed_server import AGENT, ENVIRONMENT, KEY, ManagedFake
from tests.fakes.managed_turns import Turn

NEW: dict[str, Any] = {"agent": AGENT, "environment_id": ENVIRONMENT}
HELLO = {"type": "user.message", "content": [{"type": "text", "text": "hello"}]}
INTERRUPT = {"type": "user.interrupt"}


@pytest.fixture
def fake() -> Iterator[ManagedFake]:
    """A fake whose refusals are what the tests are about."""
    with ManagedFake(expect_refusals=True) as fake:
        yield fake
        fake.release()


def call(
    fake: ManagedFake, path: str, body: Any = None, *, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """One request; with a body it is a POST."""
    request = urllib.request.Request(
        fake.url + path,
        None if body is None else json.dumps(body).encode(),
        {"x-api-key": KEY, "anthropic-beta": "managed-agents-2026-04-01", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def session(fake: ManagedFake, *events: dict[str, Any]) -> str:
    """The path of a new session that was told these."""
    path = "/v1/sessions/" + call(fake, "/v1/sessions", NEW)[1]["id"]
    for event in events:
        assert call(fake, f"{path}/events", {"events": [event]})[0] == 200
    return path


def play(fake: ManagedFake, status: str) -> str:
    """The path of a session that was told something, once it has this status."""
    path = session(fake, HELLO)
    while call(fake, path)[1]["status"] != status:
        time.sleep(0.01)
    return path


def budget(amount: Any, currency: str = "USD") -> dict[str, Any]:
    """A creation with this budget."""
    return {"budget": {"type": "limit", "max_list_cost": {"amount": amount, "currency": currency}}}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 200),
        (budget("250"), 200),
        (budget(250), 400),
        (budget("2.5"), 400),
        (budget("0"), 400),
        (budget("025"), 400),
        (budget("250", "EUR"), 400),
        ({"model": "claude"}, 400),
        ({"metadata": {"key": "x" * 513}}, 400),
        ({"metadata": {str(n): "" for n in range(17)}}, 400),
        ({"agent": "agent_2"}, 404),
        ({"environment_id": "env_2"}, 404),
        ({"agent": {"type": "agent", "id": AGENT, "tools": []}}, 400),
        (
            {
                "agent": {
                    "type": "agent_with_overrides",
                    "id": AGENT,
                    "tools": [{"type": "custom", "name": "a.b", "description": "d"}],
                }
            },
            400,
        ),
    ],
)
def test_creation_is_checked(fake: ManagedFake, more: dict[str, Any], status: int) -> None:
    """Budgets, metadata, agents and tools are taken as the API takes them."""
    assert call(fake, "/v1/sessions", NEW | more)[0] == status


@pytest.mark.parametrize(
    "event",
    [
        {"type": "user.message", "content": []},
        {"type": "user.message", "content": [{"type": "text", "text": " "}]},
        {**HELLO, "id": "mine"},
        {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_0"},
        {"type": "user.tool_confirmation", "tool_use_id": "sevt_0", "result": "allow"},
        {"type": "user.tool_confirmation", "tool_use_id": "x", "result": "maybe"},
        {"type": "agent.message", "content": []},
        INTERRUPT,
    ],
)
def test_idle_session_refuses_what_it_did_not_ask_for(
    fake: ManagedFake, event: dict[str, Any]
) -> None:
    """Results nobody waits for, empty words, and interrupts of nothing are refused."""
    assert call(fake, f"{session(fake)}/events", {"events": [event]})[0] == 400


def test_session_at_work_takes_an_interrupt_and_nothing_else(fake: ManagedFake) -> None:
    """It cannot be archived or told more; interrupted it can."""
    fake.add(Turn(hang=True))
    path = session(fake, HELLO)
    assert call(fake, f"{path}/archive", {})[0] == 400
    assert call(fake, f"{path}/events", {"events": [HELLO]})[0] == 400
    assert call(fake, f"{path}/events", {"events": [INTERRUPT]})[0] == 200


def test_archived_session_takes_nothing_and_is_not_listed(fake: ManagedFake) -> None:
    """It stays readable, but is over."""
    path = session(fake)
    assert call(fake, f"{path}/archive", {})[0] == 200
    assert call(fake, f"{path}/events", {"events": [HELLO]})[0] == 400
    assert call(fake, path)[1]["archived_at"]
    assert call(fake, "/v1/sessions")[1]["data"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=1001", "order=up", "types[]=agent.telepathy", "created_at[gte]=noon", "since=1"],
)
def test_list_with_a_wrong_query_is_refused(fake: ManagedFake, query: str) -> None:
    """Filters that the API does not have are not passed over."""
    assert call(fake, f"{session(fake)}/events?{query}")[0] == 400


def test_long_log_comes_in_pages(fake: ManagedFake) -> None:
    """Whoever reads one page has not read all."""
    fake.add(Turn(thinks=9, says=("done",)))
    path = play(fake, "idle")
    first = call(fake, f"{path}/events?limit=1000")[1]
    assert first["next_page"]
    assert len(first["data"]) == 4


@pytest.mark.parametrize(
    ("headers", "status"), [({"x-api-key": "other"}, 401), ({"anthropic-beta": "none"}, 400)]
)
def test_request_without_credentials_or_beta_is_refused(
    fake: ManagedFake, headers: dict[str, str], status: int
) -> None:
    """The key and the beta are needed for everything."""
    assert call(fake, "/v1/sessions", headers=headers)[0] == status


def test_fake_is_loud_about_what_nobody_expected() -> None:
    """A refused request and an empty script fail the test that caused them."""
    with pytest.raises(AssertionError, match="refused POST /v1/sessions"), ManagedFake() as fake:
        call(fake, "/v1/sessions", {"agent": AGENT})
    with pytest.raises(AssertionError, match="script empty"), ManagedFake() as fake:
        play(fake, "terminated")
