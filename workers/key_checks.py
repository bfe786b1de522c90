"""What `rota validate` and `rota doctor` say of a fleet's keys."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from activities.encryption.keys import Keys, KeySourceError
from rota.fleet_file import FleetFile
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import FLEET_FILE
from schedules.remarks import Finding, Level
from workers.checks import Check
from workers.encryption import encryption_of
from workers.settings import Settings, SettingsError
from workers.target import UnreachableError

KEY = "encryption"
_FILE = "file:"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def key_findings(file: FleetFile, folder: Path) -> Iterator[Finding]:
    """Yield what can be said of the declared keys without a server.

    Secrets need not be where the files are checked: that they are not here is a note.
    """
    if file.encryption is None:
        return
    for reference in file.encryption.keys:
        try:
            Keys([reference])
        except KeySourceError as error:
            level: Level = "warning" if _is_here(reference) else "note"
            yield _finding(folder, level, "encryption.keys", str(error).split(": ", 1)[1])
        if _is_open(reference):
            message = f"{reference} can be read by others than its owner: chmod 600"
            yield _finding(folder, "warning", "encryption.keys", message)
    if not file.encryption.strict:
        message = "what is not encrypted is taken as well: only until a fleet has moved over"
        yield _finding(folder, "warning", "encryption.strict", message)


def check_keys(settings: Settings) -> list[Check]:
    """Look whether the keys can be read here; nothing to say of a fleet without."""
    try:
        encryption = encryption_of(settings)
    except (KeySourceError, SettingsError) as error:
        cure = "without its keys nothing of this fleet can be read: put them where this runs"
        return [Check(KEY, False, str(error), cure)]
    except (DeclarationErrors, UnreachableError):
        return []  # told by others: files by 'fleet', the namespace by 'server'
    if encryption is None:
        return []
    active, *others = encryption.keys.ring.ids
    found = f"{active} in use" + (f", {', '.join(others)} kept" if others else "")
    if not encryption.strict:
        cure = "'rota keys reseal', then encryption.strict: true, once no open run is from before"
        return [Check(KEY, True, f"{found}; what is not encrypted is taken as well", cure)]
    return [Check(KEY, True, found)]


def _is_here(reference: str) -> bool:
    if reference.startswith(_FILE):
        return Path(reference.removeprefix(_FILE)).exists()
    return reference.partition(":")[2] in os.environ


def _is_open(reference: str) -> bool:
    path = Path(reference.removeprefix(_FILE))
    return reference.startswith(_FILE) and path.is_file() and bool(path.stat().st_mode & _OTHERS)


def _finding(folder: Path, level: Level, key: str, message: str) -> Finding:
    lines = (folder / FLEET_FILE).read_text().splitlines()
    line = next((n for n, text in enumerate(lines, 1) if text.startswith(KEY)), 1)
    return Finding(level, FLEET_FILE, line, key, message)
