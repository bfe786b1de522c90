"""Files of keys."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rota.keyring import key_ring
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
