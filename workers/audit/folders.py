"""Bundles on disk: written whole or not at all, for their owner's eyes alone."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rota.model import digest_of


class FolderTakenError(Exception):
    """There is something in the folder already."""


def require_free(folder: Path) -> None:
    """Make sure that a folder is not there, or empty.

    Raises:
        FolderTakenError: it is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderTakenError(f"{folder} is there already: choose another with -o")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` by their paths into a new folder.

    A folder that appears is complete: it is written beside its place and renamed. Nobody but its
    owner may read it, since it holds what a run was told.

    Raises:
        FolderTakenError: it is there, and not empty.
        OSError: it cannot be written.
    """
    require_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, data in files.items():
            place = made / path
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        os.replace(made, folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def add_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their paths into a folder that may be there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def folder_name(run_id: str, key: str) -> str:
    """Return a name for a run's folder: its id, as far as file systems take it, and its key.

    A workflow id may hold slashes, and may be used again for another run.
    """
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in run_id)
    readable = plain.encode()[:120].decode(errors="ignore").lstrip(".")
    return f"{readable}-{digest_of(f'{run_id}/{key}'.encode())[:8]}"
