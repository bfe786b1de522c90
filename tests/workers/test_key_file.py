"""Files of keys."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rota.security.keyring import key_ring
from workers.key_file import KeyFileError, begin_file, rotate_file

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def test_file_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    """It may hold the only copy of a key."""
    file = tmp_path / "keys"
    key = begin_file(file, NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    assert key_ring([file.read_text()]).keys == (key,)
    with pytest.raises(KeyFileError, match="exists already: 'rota keys rotate"):
        begin_file(file, NOW)
    assert key_ring([file.read_text()]).keys == (key,)


def test_rotated_file_has_the_new_key_in_front_and_every_old_one(tmp_path: Path) -> None:
    """With its remarks, as private as before, and nothing beside it."""
    file = tmp_path / "keys"
    first = begin_file(file, NOW)
    second, _ = rotate_file(file, NOW)
    third, kept = rotate_file(file, NOW)
    assert kept == [second, first]
    assert key_ring([file.read_text()]).keys == (third, second, first)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().count("# k-") == 3
    assert list(tmp_path.iterdir()) == [file]


def test_rotated_file_stays_where_a_link_leads_with_its_mode(tmp_path: Path) -> None:
    """A worker that reads it under either name, or as one of its group, goes on reading it."""
    file, link = tmp_path / "keys", tmp_path / "link"
    begin_file(file, NOW)
    file.chmod(0o640)
    link.symlink_to(file)
    key, _ = rotate_file(link, NOW)
    assert link.is_symlink()
    assert key_ring([file.read_text()]).active == key
    assert file.stat().st_mode & 0o777 == 0o640


def test_file_that_cannot_be_given_back_to_its_owner_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotated by somebody else it would be closed to the workers; they are told who may."""
    file = tmp_path / "keys"
    begin_file(file, NOW)
    before = file.read_text()
    chowned: list[tuple[int, int]] = []

    def refused(path: Path, user: int, group: int) -> None:
        chowned.append((user, group))
        raise PermissionError

    owner = os.stat_result((0o100600, 0, 0, 1, 4711, 4712, 0, 0, 0, 0))
    stat = Path.stat
    monkeypatch.setattr(os, "chown", refused)
    monkeypatch.setattr(Path, "stat", lambda path: owner if path == file else stat(path))
    with pytest.raises(KeyFileError, match="belongs to user 4711 and group 4712"):
        rotate_file(file, NOW)
    assert chowned == [(4711, 4712)]
    assert file.read_text() == before
    assert os.listdir(tmp_path) == ["keys"]


def test_keys_of_all_who_rotate_at_once_are_kept(tmp_path: Path) -> None:
    """One that was in use for a moment encrypts what nobody could read without it."""
    file = tmp_path / "keys"
    first = begin_file(file, NOW)
    with ThreadPoolExecutor(8) as threads:
        made = [key for key, _ in threads.map(lambda _: rotate_file(file, NOW), range(24))]
    assert set(key_ring([file.read_text()]).keys) == {first, *made}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "'rota keys new .*keys' begins one"),
        (b"hunter2", "word 1 is no key"),
        (b"\xff", "not text"),
    ],
)
def test_what_is_no_key_file_is_left_alone(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """A wrong path must not cost somebody a file."""
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KeyFileError, match=told):
        rotate_file(file, NOW)
    assert (file.read_bytes() if content is not None else None) == content
