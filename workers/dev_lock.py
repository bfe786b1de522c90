"""One `rota dev` per database: a lock file that says who holds it.

The kernel gives the lock back when its holder dies, however it dies. The file stays and
tells other commands where the UI is while the lock is held.
"""

import contextlib
import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class DevRunningError(Exception):
    """Another `rota dev` uses the database; the message says which."""


@dataclass(frozen=True)
class DevInfo:
    """A running `rota dev`."""

    pid: int
    address: str
    ui: str | None


def lock_file(database: Path) -> Path:
    """The lock beside a database."""
    return database.with_name(database.name + ".lock")


@contextmanager
def dev_lock(database: Path, info: DevInfo) -> Generator[None]:
    """Hold the database while the block lasts.

    Raises:
        DevRunningError: somebody else holds it.
    """
    path = lock_file(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DevRunningError(_busy(database, file.read())) from None
        file.truncate(0)
        file.write(json.dumps(asdict(info)))
        file.flush()
        yield


def running_dev(database: Path) -> DevInfo | None:
    """Return the `rota dev` that holds `database`, or None."""
    with contextlib.suppress(FileNotFoundError), lock_file(database).open("r") as file:
        try:
            # Shared: two commands that look at once must not see each other as holder.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file.read())
    return None


def _read(text: str) -> DevInfo | None:
    try:
        return DevInfo(**json.loads(text))
    except (ValueError, TypeError):
        # Its holder has the lock but has not written yet.
        return None


def _busy(database: Path, text: str) -> str:
    info = _read(text)
    who = f" (process {info.pid}, {info.address})" if info else ""
    return f"another 'rota dev' uses {database}{who}: stop it, or choose another --db"
