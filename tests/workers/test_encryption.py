"""Where a process takes its keys from, and when it goes no further."""

from pathlib import Path
from typing import Any

import pytest

from activities.encryption.keys import KeySourceError
from schedules.declaration_errors import DeclarationErrors
from tests.encrypted import encrypted_fleet, key, write_keys
from workers.encryption import encryption_of
from workers.settings import Settings, SettingsError

A, B = key(1), key(2)


def settings(folder: Path, **given: Any) -> Settings:
    """Settings of a process in `folder`."""
    return Settings(folder, str(folder / "store"), **given)


def test_fleet_without_keys_is_not_encrypted(tmp_path: Path) -> None:
    """Nor is a folder that holds no fleet."""
    assert encryption_of(settings(tmp_path)) is None
    (tmp_path / "fleet.yaml").write_text("name: report\n")
    assert encryption_of(settings(tmp_path)) is None


def test_keys_of_the_environment_stand_in_for_those_of_the_fleet(tmp_path: Path) -> None:
    """As does its strictness; everything else is as declared."""
    encrypted_fleet(tmp_path, A)
    write_keys(tmp_path / "others", B)
    declared = encryption_of(settings(tmp_path, namespace="prod"))
    given = encryption_of(settings(tmp_path, keys=(f"file:{tmp_path}/others",), strict=False))
    assert declared is not None
    assert given is not None
    assert (declared.keys.ring.ids, declared.strict, declared.namespace) == ((A.id,), True, "prod")
    assert (given.keys.ring.ids, given.strict, given.namespace) == ((B.id,), False, "default")


def test_settings_are_read_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """References apart by commas or spaces; switches in the usual words."""
    monkeypatch.setenv("ROTA_ENCRYPTION_KEYS", "env:A, file:/b")
    monkeypatch.setenv("ROTA_ENCRYPTION_STRICT", "false")
    monkeypatch.setenv("ROTA_ALLOW_PLAINTEXT", "1")
    read = Settings.read(tmp_path)
    assert (read.keys, read.strict, read.allow_plaintext) == (("env:A", "file:/b"), False, True)
    monkeypatch.setenv("ROTA_ALLOW_PLAINTEXT", "maybe")
    with pytest.raises(SettingsError, match="ROTA_ALLOW_PLAINTEXT is 'maybe': write true or false"):
        Settings.read(tmp_path)


def test_process_does_not_go_on_without_keys_it_should_have(tmp_path: Path) -> None:
    """A missing secret, one that is no key, a key in place of a reference: none is ignored."""
    (tmp_path / "fleet.yaml").write_text("encryption: {keys: ['env:ROTA_NO_SUCH_KEY']}\n")
    with pytest.raises(KeySourceError, match=r"encryption\.keys: env:ROTA_NO_SUCH_KEY: secret"):
        encryption_of(settings(tmp_path))
    (tmp_path / "wrong").write_text("hunter2")
    with pytest.raises(KeySourceError, match="word 1 is no key") as caught:
        encryption_of(settings(tmp_path, keys=(f"file:{tmp_path}/wrong",)))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingsError, match="never a key itself") as refused:
        encryption_of(settings(tmp_path, keys=(A.text,)))
    assert A.text not in str(refused.value)


def test_broken_fleet_file_stops_a_process_only_where_it_speaks_of_encryption(
    tmp_path: Path,
) -> None:
    """A fleet can still be stopped; but nothing goes out in the clear that should not."""
    (tmp_path / "fleet.yaml").write_text("name: [broken\n")
    assert encryption_of(settings(tmp_path)) is None
    (tmp_path / "fleet.yaml").write_text("nmae: x\nencryption: {keys: ['env:A']}\n")
    with pytest.raises(DeclarationErrors):
        encryption_of(settings(tmp_path))
