"""`files.read`: read a text file of the fleet's own folder, and nothing beside it.

The path is walked from folder to folder, each opened without following links, so that what
was checked is what is read, whatever is renamed meanwhile.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from rota.tools import Effect, ToolContext, ToolError, tool

MAX_BYTES = 200_000
"""About 50,000 tokens: more is for a tool that looks for something in it."""
KEY_FILES = (".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx")
"""Endings of files that hold keys."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Not waiting: a pipe without a writer would hold the thread for good."""


@tool(name="files.read", effect=Effect.READ, timeout="30s", private=True)
def read_file(
    context: ToolContext,
    path: Annotated[str, Field(description="Relative to the folder, such as data/rates.csv.")],
) -> str:
    """Read a text file of this fleet's folder, up to 200,000 bytes.

    Hidden files, keys, links and whatever lies outside the folder cannot be read.
    """
    parts = _parts(path)
    try:
        content = _read(context.fleet, parts, _secret_files(context))
    except OSError as error:
        raise ToolError(f"{path}: {_explain(error)}") from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{path}: not text in UTF-8") from error
    if "\0" in text:
        raise ToolError(f"{path}: not text")
    return text


def _parts(path: str) -> tuple[str, ...]:
    """Return the names on the way.

    Raises:
        ToolError: it leads out of the folder, or to what is hidden or a key.
    """
    if "\0" in path or "\\" in path or path.startswith(("/", "~")):
        raise ToolError("write a path relative to the fleet's folder, with / between its parts")
    parts = PurePosixPath(path).parts
    if not parts:
        raise ToolError("name a file")
    if ".." in parts:
        raise ToolError(f"{path}: leads out of the fleet's folder")
    if any(part.startswith(".") for part in parts):
        raise ToolError(f"{path}: hidden files and folders cannot be read")
    if parts[-1].lower().endswith(KEY_FILES):
        raise ToolError(f"{path}: keys cannot be read")
    return parts


def _secret_files(context: ToolContext) -> list[os.stat_result]:
    """What the fleet's connections take secrets from, as far as it is on this machine."""
    found: list[os.stat_result] = []
    for key in type(context.connections).model_fields:
        for _, reference in context.connections.secret_references(key):
            scheme, _, name = reference.partition(":")
            if scheme == "file":
                # One that cannot be looked at gives nothing to the connection either.
                with suppress(OSError):
                    found.append(os.stat(name))
    return found


def _read(fleet: Path, parts: tuple[str, ...], secrets: list[os.stat_result]) -> bytes:
    # The fleet's folder itself may be a link: whoever runs the worker named it.
    folder = os.open(fleet, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        found = os.fstat(file)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a folder")
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        # The file that was opened, whatever its name: a hard link is the same secret.
        if any(os.path.samestat(found, secret) for secret in secrets):
            raise PermissionError(errno.EACCES, "holds a secret of the fleet")
        with os.fdopen(file, "rb", closefd=False) as opened:
            content = opened.read(MAX_BYTES + 1)
    finally:
        os.close(file)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes; at most {MAX_BYTES:,} are read")
    return content


def _explain(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file in the fleet's folder"
    if error.errno == errno.ELOOP:
        return "a link; links cannot be read"
    if isinstance(error, NotADirectoryError):
        return "no such file, or its folder is a link"
    return error.strerror or "cannot be read"
