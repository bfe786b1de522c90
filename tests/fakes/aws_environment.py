"""The environment of a process that may call the fakes of AWS, and nothing else of AWS."""

from pathlib import Path

import pytest

from tests.fakes.aws_server import ENVIRONMENT


def become_known(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give this process the fakes' credentials, and no files or metadata of the machine's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "no-credentials"))
