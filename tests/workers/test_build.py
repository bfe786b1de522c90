"""Builds of the code, as Temporal's worker versioning keeps them apart."""

import pytest
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentVersion

from workers.build import LONGEST, Build, BuildOptionsError, build_from, told
from workers.build_checks import judged, left_behind

BUILD = Build("rota", "b2")


def routing(current: str = "", ramping: str = "", share: float = 0.0) -> RoutingConfig:
    """What the server says of a deployment."""
    versions = [
        WorkerDeploymentVersion(deployment_name="rota", build_id=b) for b in (current, ramping)
    ]
    return RoutingConfig(
        current_deployment_version=versions[0] if current else None,
        ramping_deployment_version=versions[1] if ramping else None,
        ramping_version_percentage=share,
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (routing("b2"), "build rota:b2 is current: new runs begin on it"),
        (routing("b1"), "build rota:b2 is given no new runs while b1 is current"),
        (routing("b1", "b2", 5), "build rota:b2 is given 5 % of new runs"),
        (routing("b1", "b3", 5), "build rota:b2 is given no new runs while b1 is current"),
        (
            routing(),
            "no build of deployment rota is current, so the server gives its workers nothing",
        ),
    ],
)
def test_build_is_told_what_the_server_gives_it(found: RoutingConfig, said: str) -> None:
    """One line, with the command that changes it unless nothing is to be changed."""
    line = told(found, BUILD)
    assert line.startswith(said)
    command = "set-current-version --deployment-name rota --build-id b2"
    assert (command in line) is ("is current: new" not in line)
    assert "\n" not in line


def test_worker_without_deployment_and_build_is_of_none() -> None:
    """Variables that are set to nothing count as not set."""
    assert build_from(None, None) is None
    assert build_from("", "") is None
    assert build_from("rota", "b2") == BUILD


@pytest.mark.parametrize(
    ("deployment", "build", "said"),
    [
        ("rota", None, "give both"),
        ("", "b2", "give both"),
        ("rota.prod", "b2", "write it without '.'"),
        ("rota:prod", "b2", "write it without ':'"),
        ("rota", "b" * (LONGEST + 1), "--build: at most 100"),
        ("ro\nta", "b2", "--deployment: at most 100 printable"),
    ],
)
def test_build_that_the_server_would_refuse_is_told_before(
    deployment: str | None, build: str | None, said: str
) -> None:
    """The options are named, as is what to write."""
    with pytest.raises(BuildOptionsError, match=said):
        build_from(deployment, build)


OLD = Build("rota", "b1")


@pytest.mark.parametrize(
    ("served", "current", "ok", "said"),
    [
        ([BUILD], BUILD, True, "new runs begin on rota:b2"),
        ([BUILD, OLD], BUILD, True, "new runs begin on rota:b2; rota:b1 for runs that began there"),
        ([BUILD], OLD, False, "new runs begin on rota:b1, which nobody serves: they wait"),
        ([], OLD, False, "new runs begin on rota:b1, which nobody serves: they wait"),
        ([OLD, BUILD], None, False, "no build is current: workers of rota:b2 are given nothing"),
    ],
)
def test_doctor_says_where_new_runs_begin(
    served: list[Build], current: Build | None, ok: bool, said: str
) -> None:
    """And what to do where they would wait without a word."""
    check = judged(served, current)
    assert check is not None
    assert (check.ok, check.found.startswith(said)) == (ok, True)
    assert bool(check.cure) is not ok


def test_doctor_says_nothing_of_builds_where_there_are_none() -> None:
    """Whoever does not use them need not know of them."""
    assert judged([], None) is None


def test_doctor_names_builds_that_runs_wait_for() -> None:
    """With how many there are, and how they get on."""
    check = left_behind({OLD: 2})
    assert (check.ok, check.found) == (
        False,
        "runs wait on builds that nobody serves: 2 on rota:b1",
    )
    assert "auto_upgrade" in check.cure
