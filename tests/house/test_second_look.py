"""What failed is played again only where a loaded machine may be the reason."""

import json
from pathlib import Path

import pytest

from tests import second_look


def noted(folder: Path, tests: list[str]) -> None:
    """Write down, as pytest does, that these failed."""
    cache = folder / second_look.FAILED
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps(dict.fromkeys(tests, True)))


def test_test_that_fails_again_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that passes alone is named as unsteady; one that does not is a failure."""
    (tmp_path / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): assert 0\n")
    monkeypatch.setattr(second_look, "ROOT", tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    noted(tmp_path, ["test_it.py::test_good"])
    assert second_look.main() == 0
    (tmp_path / second_look.FAILED).write_text('{"test_it.py::test_bad": true}')
    assert second_look.main() == 1


def test_many_failures_are_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a build that failed without a test: both fail at once."""
    monkeypatch.setattr(second_look, "ROOT", tmp_path)
    monkeypatch.setattr(second_look.subprocess, "run", None)
    assert second_look.main() == 1
    noted(tmp_path, [f"test_it.py::test_{number}" for number in range(second_look.MOST + 1)])
    assert second_look.main() == 1
