"""The lock beside a database."""

from pathlib import Path

import pytest

from workers.dev_lock import DevInfo, DevRunningError, dev_lock, running_dev

INFO = DevInfo(pid=12, address="127.0.0.1:7233", ui="http://127.0.0.1:8233")


def test_running_dev_is_known_while_it_holds_the_lock(tmp_path: Path) -> None:
    """Other commands find the UI of a running `rota dev`, and of none that has ended."""
    database = tmp_path / "temporal.db"
    assert running_dev(database) is None
    with dev_lock(database, INFO):
        assert running_dev(database) == INFO
    assert running_dev(database) is None


def test_lock_held_by_another_is_refused_by_name(tmp_path: Path) -> None:
    """The second one learns who is there."""
    database = tmp_path / "temporal.db"
    with (
        dev_lock(database, INFO),
        pytest.raises(DevRunningError, match="process 12"),
        dev_lock(database, INFO),
    ):
        raise AssertionError("two holders")
    with dev_lock(database, INFO):
        assert running_dev(database) == INFO
