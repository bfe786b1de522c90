"""The folder: damage, crashes, a full disk, planted links."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from activities.stores.base import StoreError
from activities.stores.local import IN_LOOP_LIMIT, LocalStore
from activities.stores.local_files import STRAY_AGE_SECONDS
from rota.model import digest_of

WRITER = """
import asyncio, itertools, os, sys
from pathlib import Path
from activities.stores.local import LocalStore

async def main():
    store = LocalStore(Path(sys.argv[1]))
    for number in itertools.count(int(sys.argv[2])):
        body = b"%d " % number * 20_000
        await store.put(body)
        await store.set_ref("last", body)
        await store.set_ref(f"once/{number}", body, if_absent=True)
        if number % 10 == 0:
            os.write(1, b".")

asyncio.run(main())
"""

FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from activities.stores.base import StoreError
from activities.stores.local import LocalStore

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = LocalStore(Path(sys.argv[1]))
for write in (store.put(b"x" * 200_000), store.set_ref("r", b"x" * 200_000)):
    try:
        asyncio.run(write)
    except StoreError as error:
        print(error)
"""


def object_files(root: Path) -> list[Path]:
    """Every object's file, finished ones only."""
    return [path for path in (root / "objects").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [10, IN_LOOP_LIMIT * 4])
async def test_get_tampered_object_is_refused(tmp_path: Path, size: int) -> None:
    """Bytes that do not match their digest are an error that names the file to remove."""
    store = LocalStore(tmp_path)
    digest = await store.put(b"a" * size)
    [path] = object_files(tmp_path)
    path.write_bytes(b"b" * size)
    with pytest.raises(StoreError, match="damaged") as caught:
        await store.get(digest)
    assert str(path) in str(caught.value)


async def test_put_over_truncated_object_heals_it(tmp_path: Path) -> None:
    """An object cut short by a power failure is written again by the next put."""
    store = LocalStore(tmp_path)
    digest = await store.put(b"whole")
    object_files(tmp_path)[0].write_bytes(b"")
    assert await store.put(b"whole") == digest
    assert await store.get(digest) == b"whole"


async def test_get_ref_of_damaged_file_is_refused(tmp_path: Path) -> None:
    """A ref's file without its name line is an error, never a value."""
    store = LocalStore(tmp_path)
    await store.set_ref("r", b"value")
    (tmp_path / "refs" / "r=").write_bytes(b"")
    with pytest.raises(StoreError, match="not a ref"):
        await store.get_ref("r")


def test_writer_killed_leaves_nothing_torn(tmp_path: Path) -> None:
    """After kill -9 at any moment every object, and every ref, is whole."""
    for round_number in range(8):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(round_number * 1000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.read(1) == b"."
            time.sleep(0.002 * round_number)
            writer.send_signal(signal.SIGKILL)
    store = LocalStore(tmp_path)
    files = object_files(tmp_path)
    assert len(files) >= 8
    for path in files:
        assert digest_of(path.read_bytes()) == path.parent.name + path.name
    names = asyncio.run(store.list_refs(""))
    assert len(names) >= 8
    for name in names:
        value = asyncio.run(store.get_ref(name))
        assert value is not None
        assert digest_of(value) in {path.parent.name + path.name for path in files}


async def test_strays_of_dead_writers_are_swept(tmp_path: Path) -> None:
    """A first write removes what died a day ago in `tmp/`, and leaves what is recent."""
    old, new = tmp_path / "tmp" / "1-aa-0", tmp_path / "tmp" / "2-bb-0"
    old.parent.mkdir()
    old.touch()
    new.touch()
    os.utime(old, (0, time.time() - STRAY_AGE_SECONDS - 60))
    await LocalStore(tmp_path).put(b"x")
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == [new.name]


def test_write_beyond_the_room_there_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """A write that the system cuts off is a StoreError in one line, without remains."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(f"store {tmp_path}: cannot write" in line for line in lines)
    assert all("File too large" in line for line in lines)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "No space left on device; free some space, or point ROTA_STORE"),
        (errno.EACCES, "Permission denied; give this user access to the folder"),
        (errno.EROFS, "Read-only file system; mount it writable"),
    ],
)
async def test_failed_write_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    """A full disk, a foreign folder and a read-only one are named with the way out."""

    def refuse(path: Path, *_: int) -> int:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError) as caught:
        await LocalStore(tmp_path).put(b"x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_root_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    """A store address that names a file is refused in one line."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write") as caught:
        await LocalStore(tmp_path / "file").put(b"x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("linked", ["objects", "refs", "refs/replies", "tmp"])
async def test_linked_folder_inside_the_store_is_refused(tmp_path: Path, linked: str) -> None:
    """Nothing is written or read through a symbolic link to elsewhere."""
    root, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / linked).parent.mkdir(parents=True)
    (root / linked).symlink_to(elsewhere)
    store = LocalStore(root)
    write = store.put(b"x") if linked == "objects" else store.set_ref("replies/ab", b"x")
    with pytest.raises(StoreError, match="symbolic link"):
        await write
    assert not list(elsewhere.iterdir())


async def test_linked_file_inside_the_store_is_refused(tmp_path: Path) -> None:
    """A ref that is a link to a file outside is not read, and not written through."""
    root, secret = tmp_path / "store", tmp_path / "secret"
    secret.write_bytes(b"r\nsecret")
    store = LocalStore(root)
    await store.set_ref("r", b"mine")
    (root / "refs" / "r=").unlink()
    (root / "refs" / "r=").symlink_to(secret)
    with pytest.raises(StoreError, match="symbolic link"):
        await store.get_ref("r")
    await store.set_ref("r", b"again")
    assert secret.read_bytes() == b"r\nsecret"
    assert await store.get_ref("r") == b"again"


async def test_store_below_a_linked_root_works(tmp_path: Path) -> None:
    """The root itself may be reached through a link: that is the owner's choice."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = LocalStore(tmp_path / "link")
    assert await store.get(await store.put(b"x")) == b"x"
