"""A fleet in a folder of its own, for each test that asks."""

from pathlib import Path

import pytest

from tests.schedules.fleet_folder import write_good_fleet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of one good agent; its folder's name is not yet a fleet's name."""
    fleet = tmp_path / "My Fleet!"
    write_good_fleet(fleet)
    return fleet
