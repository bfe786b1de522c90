"""Which build of the code a worker is, for Temporal's worker versioning.

Off unless a worker is told a deployment and a build. Then the server keeps each run on the build
that began it, and moves keepers on: a run is short and must not see other code half way, a keeper
lives for ever and would hold the first build for as long.

*Source:* docs.temporal.io/worker-versioning; server 1.32, SDK 1.35.
"""

import logging
from dataclasses import dataclass

from temporalio.api.deployment.v1 import RoutingConfig
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

log = logging.getLogger("rota.worker")

LONGEST = 100
"""Characters of each of the two: the server takes 255 of both, and both stand in attributes."""


class BuildOptionsError(Exception):
    """What the worker was told about its build cannot work; the message says what to write."""


@dataclass(frozen=True)
class Build:
    """One build of one deployment: Temporal's Worker Deployment Version."""

    deployment: str
    id: str

    @property
    def pinned(self) -> WorkerDeploymentConfig:
        """For workflows that end on the build they began on: runs, pipelines, backtests."""
        return self._config(VersioningBehavior.PINNED)

    @property
    def upgraded(self) -> WorkerDeploymentConfig:
        """For workflows that go on with whatever build is current: keepers and their like."""
        return self._config(VersioningBehavior.AUTO_UPGRADE)

    def _config(self, behavior: VersioningBehavior) -> WorkerDeploymentConfig:
        return WorkerDeploymentConfig(
            WorkerDeploymentVersion(self.deployment, self.id),
            use_worker_versioning=True,
            default_versioning_behavior=behavior,
        )

    def __str__(self) -> str:
        """`rota:2026.11.1`."""
        return f"{self.deployment}:{self.id}"


def build_from(deployment: str | None, build: str | None) -> Build | None:
    """Return the worker's build; None if it was told of none.

    Raises:
        BuildOptionsError: one without the other, or a name that the server would not take.
    """
    if not deployment and not build:
        return None
    if not deployment or not build:
        raise BuildOptionsError(
            "--deployment (ROTA_DEPLOYMENT) and --build (ROTA_BUILD) belong together: give both"
        )
    for option, value in (("--deployment", deployment), ("--build", build)):
        if len(value) > LONGEST or not value.isprintable():
            raise BuildOptionsError(f"{option}: at most {LONGEST} printable characters")
    for sign in (".", ":"):
        if sign in deployment:  # they part a deployment from its build
            raise BuildOptionsError(f"--deployment '{deployment}': write it without '{sign}'")
    return Build(deployment, build)


async def tell_of_build(client: Client, build: Build) -> None:
    """Log in one line what this build is given: until one is current, nobody is given anything."""
    try:
        routing = await _routing(client, build.deployment)
    except RPCError as error:  # whatever is wrong with the server, serving finds out by itself
        log.warning("the server does not say what build %s is given: %s", build, error)
        return
    log.log(logging.INFO if _is_given(routing, build) else logging.WARNING, told(routing, build))


def told(routing: RoutingConfig, build: Build) -> str:
    """Say what the server gives to `build`, and how to have it given more."""
    command = set_current(build)
    current = routing.current_deployment_version.build_id
    ramping = routing.ramping_deployment_version.build_id
    if current == build.id:
        return f"build {build} is current: new runs begin on it"
    if ramping == build.id:
        share = f"{routing.ramping_version_percentage:g} %"
        return f"build {build} is given {share} of new runs; all of them after '{command}'"
    if current:
        return (
            f"build {build} is given no new runs while {current} is current; to change: {command}"
        )
    return (
        f"no build of deployment {build.deployment} is current, so the server gives its workers "
        f"nothing and runs wait: {command}"
    )


def set_current(build: Build) -> str:
    """Return the command that has new runs begin on `build`."""
    return (
        "temporal worker deployment set-current-version "
        f"--deployment-name {build.deployment} --build-id {build.id}"
    )


def _is_given(routing: RoutingConfig, build: Build) -> bool:
    given = (routing.current_deployment_version, routing.ramping_deployment_version)
    return build.id in {version.build_id for version in given}


async def _routing(client: Client, deployment: str) -> RoutingConfig:
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=deployment
    )
    try:
        answer = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:  # known once one of its workers has polled
            return RoutingConfig()
        raise
    return answer.worker_deployment_info.routing_config
