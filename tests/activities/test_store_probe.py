"""A store that cannot be written is told before a run costs anything, and not for each anew."""

import asyncio
import errno
from pathlib import Path

import pytest

from activities.store_probe import BELIEVED_SECONDS, PROBE, StoreProbe
from activities.stores.base import ObjectStore, StoreClosedError, StoreError
from activities.stores.open import open_store
from tests.workflows.failing_store import FailingStore


class SlowStore(FailingStore):
    """Lets others in while it writes, and counts."""

    writes = 0

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Set, later."""
        self.writes += 1
        await asyncio.sleep(0)
        return await super().set_ref(name, value, if_absent=if_absent)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store in a folder."""
    return open_store(str(tmp_path / "store"))


async def test_probe_writes_once_for_a_burst_and_again_when_that_is_old(store: ObjectStore) -> None:
    """A hundred runs at once are one write; a minute later it is looked at anew."""
    now = 0.0
    slow = SlowStore(store, "set_ref", PROBE.encode(), times=0)
    probe = StoreProbe(slow, lambda: now)
    await asyncio.gather(*(probe.check() for _ in range(100)))
    assert slow.writes == 1
    now = BELIEVED_SECONDS - 1
    await probe.check()
    assert slow.writes == 1
    now = BELIEVED_SECONDS
    await probe.check()
    assert slow.writes == 2


async def test_probe_that_failed_is_made_again_at_once(store: ObjectStore) -> None:
    """Only a write that came through is believed."""
    probe = StoreProbe(FailingStore(store, "set_ref", PROBE.encode(), times=1))
    with pytest.raises(StoreError):
        await probe.check()
    await probe.check()


@pytest.mark.parametrize(
    ("number", "closed"),
    [(errno.ENOSPC, True), (errno.EROFS, True), (errno.EACCES, True), (errno.EIO, False)],
)
async def test_probe_tells_what_a_person_mends_from_what_passes(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, number: int, closed: bool
) -> None:
    """A full or read-only disk is named with what to do; anything else is tried again."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("activities.stores.local.os.open", fail)
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(StoreError) as caught:
        await StoreProbe(store).check()
    assert isinstance(caught.value, StoreClosedError) is closed
    assert ("ROTA_STORE" in str(caught.value) or "writable" in str(caught.value)) is closed
