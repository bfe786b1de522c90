"""Removing a file of the store at the moment when somebody writes the same bytes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.stores.local import LocalStore

OLD = (datetime.now(UTC) - timedelta(days=9)).timestamp()
GRACE = datetime.now(UTC) - timedelta(days=1)


async def test_object_of_another_user_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its owner may touch a file; whoever puts the same bytes may rely on it all the same."""
    store = LocalStore(tmp_path)
    digest = await store.put(b"shared")
    path = tmp_path / "objects" / digest[:2] / digest[2:]
    os.utime(path, (OLD, OLD))

    def refused(*arguments: Any) -> None:
        raise PermissionError(1, "not the owner")

    monkeypatch.setattr(os, "utime", refused)
    assert await store.put(b"shared") == digest
    assert not await store.delete(digest, GRACE)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_object_put_while_it_is_removed_is_there_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whether the writer comes just before it is taken aside, or just after."""
    store = LocalStore(tmp_path)
    digest = await store.put(b"shared")
    path = tmp_path / "objects" / digest[:2] / digest[2:]
    os.utime(path, (OLD, OLD))
    writer = LocalStore(tmp_path)
    rename = os.rename

    def renamed(*arguments: Any) -> None:
        monkeypatch.undo()
        if moment == "after":
            rename(*arguments)
        writer._put(digest, b"shared", False)
        if moment == "before":
            rename(*arguments)

    monkeypatch.setattr(os, "rename", renamed)
    assert await store.delete(digest, GRACE) is (moment == "after")
    assert await store.get(digest) == b"shared"
    assert list((tmp_path / "tmp").iterdir()) == []
