"""What cannot be had again is put away, though the store stumbles."""

import pytest

from activities import safekeeping
from activities.safekeeping import DELAYS_SECONDS, kept
from activities.stores.base import StoreError


class Stumbling:
    """Work that fails so many times before it succeeds."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.tries = 0
        self._failures, self._error = failures, error

    async def __call__(self) -> str:
        """Fail, or succeed."""
        self.tries += 1
        if self.tries <= self._failures:
            raise self._error
        return "stored"


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safekeeping, "DELAYS_SECONDS", tuple(0.0 for _ in DELAYS_SECONDS))


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("failures", range(len(DELAYS_SECONDS) + 1))
async def test_kept_succeeds_once_the_store_does(failures: int) -> None:
    """One more try than there are delays."""
    work = Stumbling(failures, StoreError("full"))
    assert (await kept(work), work.tries) == ("stored", failures + 1)


@pytest.mark.usefixtures("_quick")
async def test_kept_gives_up_with_the_stores_own_words() -> None:
    """An outage ends the attempt; the agent's retry takes over."""
    work = Stumbling(99, StoreError("full"))
    with pytest.raises(StoreError, match="full"):
        await kept(work)
    assert work.tries == len(DELAYS_SECONDS) + 1


async def test_kept_does_not_repeat_what_no_store_caused() -> None:
    """A mistake of ours does not go away by waiting."""
    work = Stumbling(1, KeyError("ours"))
    with pytest.raises(KeyError):
        await kept(work)
    assert work.tries == 1
