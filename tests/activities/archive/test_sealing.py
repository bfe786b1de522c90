"""Content of archives: the same bytes for the same run, nothing for anybody without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.audit.sealing import DamagedContentError, locked, unlocked

KEY = bytes(range(32))


@given(st.binary(max_size=500))
def test_content_comes_back_and_is_locked_alike_each_time(content: bytes) -> None:
    """So that an attempt that died leaves nothing twice."""
    data = locked(content, KEY, "run")
    assert locked(content, KEY, "run") == data
    assert unlocked(data, KEY, "run") == content
    assert len(content) < 8 or content not in data


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_content_that_was_changed_anywhere_is_refused(at: int, mask: int) -> None:
    """One byte is enough."""
    data = bytearray(locked(b"the content of a run", KEY, "run"))
    data[at % len(data)] ^= mask
    with pytest.raises(DamagedContentError):
        unlocked(bytes(data), KEY, "run")


def test_content_of_another_run_or_key_is_refused() -> None:
    """Archives cannot be exchanged."""
    data = locked(b"content", KEY, "run")
    for secret, run_key in ((KEY, "other"), (bytes(32), "run")):
        with pytest.raises(DamagedContentError):
            unlocked(data, secret, run_key)
    with pytest.raises(DamagedContentError):
        unlocked(b"short", KEY, "run")
