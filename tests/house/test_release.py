"""A release: the same bytes each time, and nothing in it that nobody knows of."""

import json
import os
import re
from email.message import Message
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.release import making
from tests.release.licences import REASONS, licence_of, will_do
from tests.release.making import ReleaseError, build, commit_and_time, licence_list, release
from tests.release.packages import PROJECT, Package, pins, shipped, tools
from tests.release.sbom import sbom

COMMIT, SECONDS = "0123456789abcdef0123456789abcdef01234567", 1_800_000_000


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(("pyproject.toml", "README.md", "LICENSE", "schedules"), id="a part"),
        pytest.param((), id="all", marks=pytest.mark.soak),
    ],
)
def test_commit_built_twice_gives_the_same_bytes(
    parts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, another zone, and with other rights for new files as well."""
    _, seconds = commit_and_time()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    made = build(first, seconds, parts)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    mask = os.umask(0o077)
    try:
        again = build(second, seconds, parts)
    finally:
        os.umask(mask)
    assert [path.suffix for path in made] == [".whl", ".gz"]
    assert [path.name for path in made] == [path.name for path in again]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in again]


def test_release_of_what_is_not_committed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is released is a commit, and dist/ stays as it was."""
    monkeypatch.setattr(making, "_git", lambda *_: " M rota/ids.py\n")
    (tmp_path / "older").touch()
    with pytest.raises(ReleaseError, match="commit them"):
        release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["older"]


def test_sbom_lists_what_an_installation_brings_as_it_is_locked() -> None:
    """Each package with the lock's version, licence and needs, in CycloneDX's own form."""
    text = sbom(shipped(), COMMIT, SECONDS)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    found = {part["name"]: part["version"] for part in document["components"]}
    assert found == {package.name: package.version for package in shipped()}
    assert not {name: had for name, had in found.items() if had not in pins()[name]}
    needs = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    known = {part["bom-ref"] for part in document["components"]}
    assert {ref for below in needs.values() for ref in below} == known
    assert document["metadata"]["component"]["version"] == PROJECT["project"]["version"]


def test_components_of_two_sboms_of_one_commit_are_the_same_bytes() -> None:
    """And so is all else in them; another commit has another number."""
    first, *others = [sbom(shipped(), commit, SECONDS) for commit in (COMMIT, COMMIT, "f" * 40)]
    assert [first == other for other in others] == [True, False]


def test_sbom_names_no_address() -> None:
    """Whoever reads it learns nothing of where packages came from."""
    addresses = re.findall(r"\w+://[^\"\s]+", sbom(shipped(), COMMIT, SECONDS))
    assert addresses == ["http://cyclonedx.org/schema/bom-1.6.schema.json"]


@pytest.mark.parametrize("package", shipped(), ids=lambda package: package.name)
def test_licence_of_a_package_is_known_and_compatible(package: Package) -> None:
    """Whoever is handed Rota may use and hand on all of it; exceptions stand with their reasons."""
    assert will_do(package.name, package.licence), (
        f"{package.name} is under {package.licence or 'nobody knows what'}: "
        "take another package, or say in tests/release/licences.py why it will do"
    )


def test_licence_of_a_tool_is_known() -> None:
    """Nobody is handed it, so any will do; that nobody knows it will not."""
    assert not [package.name for package in tools() if not package.licence]


def test_exception_that_is_not_needed_is_found() -> None:
    """A reason for a package that has gone, or has another licence by now, goes too."""
    under = {package.name: package.licence for package in (*shipped(), *tools())}
    assert {name: under.get(name) for name in REASONS} == {
        name: reason.partition(":")[0] for name, reason in REASONS.items()
    }


@pytest.mark.parametrize(
    ("licence", "verdict"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND LGPL-3.0-only", False),
        ("", False),
    ],
)
def test_licence_will_do_if_one_choice_of_it_does(licence: str, verdict: bool) -> None:
    """All parts of a choice, and one choice of several."""
    assert will_do("some-package", licence) is verdict


def test_licence_that_metadata_does_not_tell_is_unknown() -> None:
    """Words that may mean several are not guessed at."""
    metadata = Message()
    metadata["License"] = "BSD"
    metadata["Classifier"] = "License :: OSI Approved :: BSD License"
    assert licence_of("some-package", metadata) == ""
    metadata["Classifier"] = "License :: OSI Approved :: MIT License"
    assert licence_of("some-package", metadata) == "MIT"


def test_licence_list_has_every_locked_package_once() -> None:
    """Those of other platforms without a licence, and said to be so."""
    rows = [line.split("\t") for line in licence_list().splitlines()[1:]]
    assert sorted(name for name, *_ in rows) == sorted(pins())
    assert {use for _, _, licence, use in rows if not licence} <= {"other platforms"}
