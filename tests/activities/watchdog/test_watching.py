"""A look at some agents: one that cannot be judged hides no other, and takes no time from them."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import watching
from activities.stores.base import ObjectStore, StoreError
from activities.stores.local import LocalStore
from activities.watchdog import agents, quiet
from activities.watchdog.agents import SILENT, SeenAgent
from activities.watchdog.listing import Watched
from activities.watchdog.quiet import Declarations
from activities.watching import WatchingActivities
from rota.keepers.state import KeeperState
from rota.watchdog.looks import Looked, LookOrder
from tests.rota.keepers.desks import pinned

NOW = datetime.now(UTC)
NAMES = tuple(f"agent-{number:02}" for number in range(30))
NOBODY = cast("Client", SimpleNamespace(namespace="default"))


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """With nothing in it."""
    return LocalStore(tmp_path)


def page(*names: str) -> list[Watched]:
    """Keepers that are served."""
    return [Watched(name, "Agent", "keepers", "d", NOW - timedelta(days=1)) for name in names]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists all but the last of them, no runs, and a worker on each queue."""

    async def listed(_: Client, __: str, names: tuple[str, ...]) -> list[Watched]:
        return page(*names[:-1])

    async def runs(_: Client, watched: list[Watched], __: datetime) -> dict[str, list[Any]]:
        return {each.name: [] for each in watched}

    async def served(*_: Any) -> list[str]:
        return ["worker"]

    monkeypatch.setattr(watching, "keepers", listed)
    monkeypatch.setattr(watching, "runs_of", runs)
    monkeypatch.setattr(watching, "pollers", served)


async def look(store: ObjectStore) -> Looked:
    """Look at all of them."""
    order = LookOrder(fleet="f", names=NAMES, now=NOW, since=NOW - timedelta(minutes=1))
    looking = WatchingActivities(NOBODY, store)
    try:
        return await ActivityEnvironment().run(looking.look_at_agents, order)
    finally:
        await looking.aclose()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("error", "why"),
    [
        pytest.param(RPCError("gone", RPCStatusCode.UNAVAILABLE, b""), "gone", id="the server"),
        pytest.param(ApplicationError("not a KeeperState"), "not a KeeperState", id="an answer"),
        pytest.param(StoreError("store away"), "store away", id="the store"),
        pytest.param(ValueError("no such zone"), "no such zone", id="a value"),
        pytest.param(TimeoutError(), "no time was left", id="time"),
    ],
)
async def test_agent_that_cannot_be_looked_at_hides_no_other(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    """It is named with the reason; who is not listed any more, without: the next look tells."""

    async def seen(_: Any, watched: Watched, *__: Any, **___: Any) -> SeenAgent:
        if watched.name == NAMES[3]:
            raise error
        return SeenAgent(watched.name)

    monkeypatch.setattr(watching.AgentLook, "look", seen)
    looked = await look(store)
    assert len(looked.agents) == len(NAMES) - 2
    assert set(looked.unheard) == {NAMES[3], NAMES[-1]}
    assert (why in looked.unheard[NAMES[3]], looked.unheard[NAMES[-1]]) == (True, "")


@pytest.mark.usefixtures("server")
async def test_look_ends_in_time_with_what_it_has_seen(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that takes for ever is named; the others are judged."""

    async def seen(_: Any, watched: Watched, *__: Any, **___: Any) -> SeenAgent:
        if watched.name == NAMES[0]:
            await asyncio.Event().wait()
        return SeenAgent(watched.name)

    monkeypatch.setattr(watching.AgentLook, "look", seen)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.1)
    looked = await look(store)
    assert looked.unheard == {NAMES[0]: "no time was left to look at it", NAMES[-1]: ""}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("answers", "most"),
    [
        pytest.param(False, 2 * agents.AT_ONCE - 1, id="none answers"),
        pytest.param(True, len(NAMES) - 1, id="one has answered"),
    ],
)
async def test_keepers_are_not_waited_for_one_by_one_if_none_answers(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, answers: bool, most: int
) -> None:
    """Their worker is stuck: each would take seconds, and a check of all of them no end."""
    calls: list[str] = []

    async def state(_: Client, id: str, *__: Any) -> KeeperState:
        calls.append(id)
        if answers and id.endswith(NAMES[0]):
            return KeeperState()
        await asyncio.sleep(0)
        raise RPCError("late", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    monkeypatch.setattr(agents, "open_state", state)
    looked = await look(store)
    assert len(calls) == most
    assert set(looked.unheard.values()) == {SILENT, ""}
    assert (NAMES[0] in looked.agents) == answers


@pytest.mark.usefixtures("server")
async def test_agent_whose_ledger_cannot_be_read_keeps_its_word(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason stands in the check; what is in the pages is not told as missed."""
    spec = pinned(notify=[{"on": ["missed"], "email": ["ops@example.com"]}])

    async def state(*_: Any) -> KeeperState:
        return KeeperState(spec=spec)

    async def unread(*_: Any) -> tuple[tuple[()], str]:
        return (), "the store is away"

    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(agents, "open_state", state)
    monkeypatch.setattr(agents, "read_entries", unread)
    monkeypatch.setattr(agents, "read_live", nothing)
    looked = await look(store)
    assert len(looked.agents) == len(NAMES) - 1
    assert looked.trouble[0] == f"{NAMES[0]}: the store is away"
    assert looked.notify[NAMES[0]] == spec.notify
    assert NAMES[0] in looked.resting


async def test_store_that_does_not_answer_is_asked_once(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keepers know what is declared as well; a page has no time for a store that is away."""
    reads: list[str] = []

    async def never(_: ObjectStore, digest: str) -> Any:
        reads.append(digest)
        await asyncio.Event().wait()

    monkeypatch.setattr(quiet, "get_declaration", never)
    monkeypatch.setattr(quiet, "READ_SECONDS", 0.02)
    declared = Declarations(store)
    assert [await declared.of(digest) for digest in "abc"] == [None, None, None]
    assert reads == ["a"]
