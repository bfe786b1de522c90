"""Where a process finds things: arguments, then the environment, then a default."""

from pathlib import Path

import pytest

from workers.settings import Settings


def test_settings_store_of_argument_environment_and_fleet_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default is found by every command run in the fleet; nobody else reads ROTA_STORE."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROTA_STORE", raising=False)
    assert Settings.read(Path("fleet")).store == str(tmp_path / "fleet" / ".rota" / "store")
    monkeypatch.setenv("ROTA_STORE", "s3://bucket/of-environment")
    assert Settings.read(Path("fleet")).store == "s3://bucket/of-environment"
    assert Settings.read(Path("fleet"), store="/argument").store == "/argument"
