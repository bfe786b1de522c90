"""The packages that an installation of Rota brings, and the tools it is made with, by metadata.

Read off pyproject.toml, requirements.lock and what is installed here: no network. Packages that
other platforms alone need are in the lock and not here; those who list say so.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.repository import ROOT
from tests.release.licences import licence_of

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.M)


@dataclass(frozen=True)
class Package:
    """One package as it is installed."""

    name: str
    version: str
    licence: str
    """An SPDX expression; empty if nobody can tell."""
    requires: tuple[str, ...]
    """Names of the packages that it brings here, sorted."""


@cache
def pins() -> dict[str, set[str]]:
    """The versions in requirements.lock, by name: more than one where platforms differ."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((ROOT / "requirements.lock").read_text()):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def declared() -> list[str]:
    """Names of what Rota itself asks for, sorted."""
    return sorted(canonicalize_name(each.name) for each in _asked_for())


def _asked_for() -> Iterator[Requirement]:
    for each in map(Requirement, PROJECT["project"]["dependencies"]):
        if each.marker is None or each.marker.evaluate():
            yield each


@cache
def shipped() -> tuple[Package, ...]:
    """What `pip install rota` brings on a platform like this, sorted by name.

    Raises:
        PackageNotFoundError: it is not installed here: `make` installs it.
    """
    return tuple(_closure(_asked_for()))


@cache
def tools() -> tuple[Package, ...]:
    """What else is locked and installed: to build, to test, for the examples."""
    names = {package.name for package in shipped()}
    return tuple(
        _package(found, ())
        for name in sorted(pins())
        if name not in names and (found := _installed(name))
    )


def elsewhere() -> tuple[str, ...]:
    """Names of what is locked for other platforms alone."""
    return tuple(name for name in sorted(pins()) if _installed(name) is None)


def _closure(roots: Iterable[Requirement]) -> Iterator[Package]:
    edges: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    # One for each extra: what several ask for of a package adds up.
    left = [(each.name, extra) for each in roots for extra in ("", *each.extras)]
    while left:
        name, extra = left.pop()
        name = canonicalize_name(name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found = edges.setdefault(name, set())
        for needed in map(Requirement, distribution(name).requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                found.add(canonicalize_name(needed.name))
                left += [(needed.name, part) for part in ("", *needed.extras)]
    for name in sorted(edges):
        yield _package(distribution(name), sorted(edges[name]))


def _package(found: Distribution, requires: Iterable[str]) -> Package:
    name = canonicalize_name(found.metadata["Name"])
    return Package(name, found.version, licence_of(name, found.metadata), tuple(requires))


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
