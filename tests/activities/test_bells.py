"""A bell rings whoever watches a session, and nobody else; nothing is left of it afterwards."""

from pathlib import Path

import pytest

from activities.bells import Bell, listened_to, listening, ring, run_bell, session_bell
from activities.stores.base import ObjectStore, StoreError
from activities.stores.local import LocalStore
from activities.stores.open import open_store
from rota.runtimes.session import ProviderSession
from rota.steps import SessionInput
from tests.activities.session_bench import Bench
from tests.encrypted import encryption_at, key

NAME = session_bell("claude-managed", "sesn_1")


@pytest.fixture(params=["plain", "sealed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store, with and without encryption."""
    address = str(tmp_path / "store")
    if request.param == "plain":
        return open_store(address)
    return open_store(address, encryption_at(tmp_path / "keys", key(1)))


async def test_bell_is_heard_once_for_each_call(store: ObjectStore) -> None:
    """A call that is sent again is the same call; another one rings anew."""
    bell = Bell(store, NAME)
    await bell.hang()
    heard = [await bell.rung()]
    for call in ("wevt_1", "wevt_1", "wevt_2"):
        assert await ring(store, NAME, call)
        heard.append(await bell.rung())
    assert heard == [False, True, False, True]


async def test_call_without_an_id_is_another_one_each_time(store: ObjectStore) -> None:
    """Whoever was given an address of its own has no ids to tell its calls apart by."""
    bell = Bell(store, run_bell("run-1/x"))
    await bell.hang()
    for _ in range(2):
        await ring(store, run_bell("run-1/x"))
        assert await bell.rung()


async def test_nothing_is_kept_for_sessions_that_nobody_watches(store: ObjectStore) -> None:
    """A workspace tells of all its sessions; and a call that comes late leaves nothing."""
    assert not await ring(store, NAME, "wevt_1")
    async with listening(Bell(store, NAME)):
        assert await store.list_refs("bells") == [NAME]
    assert not await ring(store, NAME, "wevt_2")
    assert await store.list_refs("bells") == []


async def test_call_while_the_worker_was_gone_is_no_news_to_who_takes_over(
    store: ObjectStore,
) -> None:
    """Who takes over begins with a look: what rang before that was seen by it."""
    await Bell(store, NAME).hang()  # and its worker is killed
    await ring(store, NAME, "wevt_1")
    second = Bell(store, NAME)
    await second.hang()
    assert not await second.rung()
    await ring(store, NAME, "wevt_1")  # sent again: its sender had no answer
    assert not await second.rung()
    await ring(store, NAME, "wevt_2")
    assert await second.rung()


async def test_bell_that_another_attempt_took_down_hangs_again(store: ObjectStore) -> None:
    """An attempt that was taken for dead ends after the one that followed it has begun."""
    bell = Bell(store, NAME)
    await bell.hang()
    await Bell(store, NAME).take_down()
    assert not await bell.rung()
    assert await ring(store, NAME, "wevt_1")
    assert await bell.rung()
    await Bell(store, NAME).take_down()
    await Bell(store, NAME).hang()
    assert not await bell.rung()


async def test_bell_is_listened_to_within_its_block_alone(store: ObjectStore) -> None:
    """Where nobody calls, nobody listens."""
    bell = Bell(store, NAME)
    async with listening(None):
        assert listened_to() is None
    async with listening(bell):
        assert listened_to() is bell
    assert listened_to() is None


@pytest.mark.parametrize("end", ["collect_session", "cancel_session"])
async def test_bell_that_a_call_hung_anew_goes_with_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """It was taken in as watching ended: without an owner it would stay in the store for ever."""
    bench = Bench(tmp_path, monkeypatch)
    await bench.open({"callback": True})
    await bench.submit()
    await bench.observe()
    await bench.store.set_ref(session_bell("double", "s1"), b"wevt_1")
    input = SessionInput.model_validate(
        bench.input(session=ProviderSession(kind="double", id="s1"))
    )
    await bench.environment().run(getattr(bench.activities, end), input)
    assert await bench.store.list_refs("bells") == []


class Away(LocalStore):
    """A store that does not answer."""

    async def get_ref(self, name: str) -> bytes | None:
        raise StoreError("the store is away")


async def test_store_that_is_away_ends_no_watching(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The session is looked at now and then anyhow; it is told once."""
    bell = Bell(Away(tmp_path), NAME)
    assert [await bell.rung(), await bell.rung()] == [False, False]
    assert caplog.text.count("callbacks cannot be heard for now") == 1
