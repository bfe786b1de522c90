"""Fleets with keys of their own, as tests use them."""

from pathlib import Path

from activities.encryption.encryption import Encryption
from activities.encryption.keys import Keys
from rota.security.keyring import Key


def key(number: int) -> Key:
    """A key that is always the same: readable, and so no secret."""
    return Key(bytes([number]) * 32)


def write_keys(path: Path, *keys: Key) -> None:
    """Write a key file; the first one is in use."""
    path.write_text("\n".join(each.text for each in keys))


def keys_at(path: Path, *keys: Key) -> Keys:
    """Keys behind a file that is written now."""
    write_keys(path, *keys)
    return Keys([f"file:{path}"], Hasty())


def encryption_at(
    path: Path, *keys: Key, namespace: str = "default", strict: bool = True
) -> Encryption:
    """What a process would encrypt with."""
    return Encryption(keys_at(path, *keys), namespace, strict)


def encrypted_fleet(folder: Path, *keys: Key, strict: bool = True) -> Path:
    """Write the `fleet.yaml` of an encrypted fleet; returns its key file."""
    file = folder / "keys"
    write_keys(file, *keys)
    setting = "" if strict else ", strict: false"
    (folder / "fleet.yaml").write_text(f"encryption: {{keys: ['file:{file}']{setting}}}\n")
    return file


class Hasty:
    """A clock by which every look is long after the last."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1000.0
        return self._now
