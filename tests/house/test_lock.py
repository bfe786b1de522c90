"""requirements.lock: complete, hashed, and free of where it was resolved."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.repository import ROOT, files, name_of

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
ENTRY = re.compile(r"^(?P<requirement>[^\s#-].*?)(?P<hashes>(?: \\\n    --hash=\S+)*)$", re.M)


def declared() -> Iterator[Requirement]:
    """Every requirement of pyproject.toml: to run, to develop, to build."""
    yield from map(Requirement, PROJECT["project"]["dependencies"])
    yield from map(Requirement, PROJECT["build-system"]["requires"])
    for group in PROJECT["dependency-groups"].values():
        yield from (Requirement(entry) for entry in group if isinstance(entry, str))


def locked() -> dict[str, list[Requirement]]:
    """Pinned requirements by name: more than one where platforms differ."""
    pins: dict[str, list[Requirement]] = {}
    for match in ENTRY.finditer(LOCK):
        pin = Requirement(match["requirement"])
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


@pytest.mark.parametrize("requirement", [*declared()], ids=str)
def test_declared_requirement_is_pinned_within_its_range(requirement: Requirement) -> None:
    """What pyproject.toml asks for is what the lock installs."""
    pins = locked().get(canonicalize_name(requirement.name), [])
    assert pins, f"{requirement.name} is not in requirements.lock: run make lock"
    for pin in pins:
        (version,) = (part.version for part in pin.specifier if part.operator == "==")
        assert requirement.specifier.contains(version), (
            f"pyproject.toml asks for {requirement}, the lock has {pin}: run make lock"
        )


def test_every_pin_carries_sha256_hashes() -> None:
    """Nothing is installed that was not resolved by whoever committed the lock."""
    bare = [
        match["requirement"]
        for match in ENTRY.finditer(LOCK)
        if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", match["hashes"])
    ]
    assert locked()
    assert not bare, f"without hash: {', '.join(bare)}: run make lock"


def test_lock_names_no_index_and_no_address() -> None:
    """The lock holds on any machine, behind any mirror."""
    options = re.findall(r"^(?:--?)\S+", LOCK, re.M)
    assert not options, f"the lock sets {', '.join(options)}: run make lock"
    assert "://" not in LOCK
    assert " @ " not in LOCK


def cited() -> dict[str, Version]:
    """Newest version of each dependency that a module's docstring was written from."""
    versions: dict[str, Version] = {}
    declared = PROJECT["project"]["dependencies"]
    names = [canonicalize_name(Requirement(each).name) for each in declared]
    citation = re.compile(rf"\b({'|'.join(names)}) (\d+\.\d+)")
    for path in files(".py"):
        if not name_of(path).startswith("tests/"):
            for name, version in citation.findall(path.read_text()):
                known = versions.get(name, Version("0"))
                versions[name] = max(Version(version), known)
    return versions


def test_version_that_a_module_relies_on_is_the_least_that_is_installed() -> None:
    """Calls and fields were read off that version: an older one may lack them."""
    least = {
        str(canonicalize_name(requirement.name)): max(
            (Version(each.version) for each in requirement.specifier if each.operator == ">="),
            default=Version("0"),
        )
        for requirement in map(Requirement, PROJECT["project"]["dependencies"])
    }
    assert "boto3" in cited()
    older = {name: str(version) for name, version in cited().items() if least[name] < version}
    assert not older, f"raise in pyproject.toml to what modules cite, and run make lock: {older}"


def test_runtime_dependency_says_why_it_is_there() -> None:
    """Whoever installs Rota can read what each package is for."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for requirement in PROJECT["project"]["dependencies"]:
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f'"{requirement}"'))
        assert lines[at - 1].strip().startswith("#"), f"say why {requirement} is a dependency"
